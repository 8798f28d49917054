import { describe, expect, it } from "vitest";
import { type SynthImage, synthesiseImage } from "../../../pipeline/synth/compose.js";
import { MULTI_LABEL, SYNTH_CLASSES, type SynthFolder, synthParameters } from "../../../pipeline/synth/parameters.js";

const FOLDERS: readonly SynthFolder[] = [...SYNTH_CLASSES, MULTI_LABEL];
const PER_CLASS = 24;
/** Mean grey value and foreground pixels of image 1 of each folder, seed 77. */
const FROZEN = [
  [106.4, 5963],
  [123.2, 7832],
  [135.5, 4774],
  [124.6, 6948],
  [123.6, 6059],
] as const;
const SCALE = synthParameters.presets.tiny.scale;

function draw(folder: SynthFolder, index: number, seed = 500, width = 120, height = 100): SynthImage {
  const stream = FOLDERS.indexOf(folder) * 1000 + index;
  return synthesiseImage({ folder, name: "x.png", width, height, stream }, synthParameters, SCALE, seed);
}

/** Texture of the ground under the mask: logarithms of local contrast at two scales, and the shares of very bright and dark pixels. */
function texture({ pixels, mask, width, height }: SynthImage): number[] {
  let [count, sum, squares, fine, bright, dark] = [0, 0, 0, 0, 0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      if (mask[at] === 0) continue;
      const value = pixels[at]!;
      const around = (pixels[at - 1]! + pixels[at + 1]! + pixels[at - width]! + pixels[at + width]!) / 4;
      count++;
      sum += value;
      squares += value * value;
      fine += (value - around) ** 2;
      if (value > 170) bright++;
      if (value < 85) dark++;
    }
  }
  const variance = squares / count - (sum / count) ** 2;
  return [Math.log(variance), Math.log(fine / count / variance), Math.sqrt(bright / count), Math.sqrt(dark / count)];
}

/** Share of test textures whose nearest class mean (in units of the pooled deviation) is their own, averaged over classes. */
function nearestMeanAccuracy(train: number[][][], test: number[][][]): number {
  const means = train.map((samples) =>
    samples[0]!.map((_, k) => samples.reduce((s, f) => s + f[k]!, 0) / samples.length),
  );
  const scales = means[0]!.map((_, k) => {
    const parts = train.map((samples, c) => samples.reduce((s, f) => s + (f[k]! - means[c]![k]!) ** 2, 0));
    return Math.sqrt(parts.reduce((a, b) => a + b, 0) / train.flat().length);
  });
  const distance = (f: number[], c: number) => f.reduce((s, v, k) => s + ((v - means[c]![k]!) / scales[k]!) ** 2, 0);
  const recalls = test.map((samples, truth) => {
    const right = samples.filter((f) => means.every((_, c) => distance(f, truth) <= distance(f, c))).length;
    return right / samples.length;
  });
  return recalls.reduce((a, b) => a + b, 0) / recalls.length;
}

describe("synthesiseImage", () => {
  it("classes differ in texture, and overlap", () => {
    const textures = (seed: number) =>
      SYNTH_CLASSES.map((name) => Array.from({ length: PER_CLASS }, (_, i) => texture(draw(name, i, seed))));
    const accuracy = nearestMeanAccuracy(textures(500), textures(501));
    expect(accuracy).toBeGreaterThan(0.5);
    expect(accuracy).toBeLessThan(0.97);
  });

  it("debris shines, differentiated cells are dark on an even ground", () => {
    const average = (name: SynthFolder) => {
      const all = Array.from({ length: PER_CLASS }, (_, i) => texture(draw(name, i, 502)));
      return all[0]!.map((_, k) => all.reduce((sum, f) => sum + f[k]!, 0) / all.length);
    };
    const [debris, dense, spread] = [average("Debris"), average("Dense"), average("Spread")];
    expect(debris[2]!).toBeGreaterThan(1.5 * spread[2]!);
    expect(debris[0]!).toBeGreaterThan(spread[0]! + 0.5);
    // finer grain: more of the variance lies between neighbouring pixels
    expect(dense[1]!).toBeGreaterThan(spread[1]! + 0.1);
  });

  it.each(FOLDERS)("%s: the mask is 0 or 255, of the picture's size, and where the colony is", (name) => {
    for (let i = 0; i < 8; i++) {
      const { width, height, pixels, mask } = draw(name, i);
      expect([width, height, pixels.length, mask.length]).toEqual([120, 100, 12000, 12000]);
      expect([...new Set(mask)].sort()).toEqual([0, 255]);
      const share = mask.filter((value) => value === 255).length / mask.length;
      expect(share).toBeGreaterThan(0.08);
      expect(share).toBeLessThan(0.95);
      const roughness = (inside: boolean) => {
        let [sum, count] = [0, 0];
        for (let at = 2; at < mask.length; at++) {
          if ((mask[at] === 255) !== inside || (mask[at - 2] === 255) !== inside) continue;
          sum += (pixels[at]! - pixels[at - 2]!) ** 2;
          count++;
        }
        return sum / count;
      };
      expect(roughness(true)).toBeGreaterThan(roughness(false));
    }
  });

  it("composites hold two to four classes, contiguous, each a fair part", () => {
    const seen = new Set<string>();
    for (let i = 0; i < 24; i++) {
      const { parts } = draw(MULTI_LABEL, i, 503, 200, 170);
      expect(parts.length).toBeGreaterThanOrEqual(2);
      expect(new Set(parts.map((part) => part.class)).size).toBe(parts.length);
      expect(["Diff", "Spread"]).toContain(parts[0]!.class);
      expect(parts.reduce((sum, part) => sum + part.fraction, 0)).toBeCloseTo(1, 10);
      for (const part of parts) {
        expect(part.fraction).toBeGreaterThan(0.01);
        seen.add(part.class);
      }
    }
    expect([...seen].sort()).toEqual([...SYNTH_CLASSES]);
  });

  // A change of the pictures is allowed, but then it is another version, and docs/synth.md needs new measurements.
  it("is frozen: version 1 draws these pictures", () => {
    expect(synthParameters.version).toBe(1);
    FOLDERS.forEach((name, i) => {
      const { pixels, mask } = draw(name, 1, 77);
      const [grey, foreground] = FROZEN[i]!;
      expect(pixels.reduce((sum, value) => sum + value, 0) / pixels.length).toBeCloseTo(grey, 0);
      // Room for another build of JavaScript whose last bit of a power differs.
      expect(Math.abs(mask.filter((value) => value === 255).length - foreground)).toBeLessThan(15);
    });
  });

  it("a single class is one part that is all of the colony", () => {
    const { parts } = draw("Dense", 3);
    expect(parts).toHaveLength(1);
    expect(parts[0]).toMatchObject({ class: "Dense", fraction: 1 });
  });

  it.each([
    ["Diff", 55, 64],
    ["Debris", 55, 85],
    ["Spread", 300, 61],
  ] as const)("%s at %dx%d still has a colony", (name, width, height) => {
    for (let i = 0; i < 6; i++) expect(draw(name, i, 504, width, height).mask).toContain(255);
  });
});
