import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PNG } from "pngjs";
import { describe, expect, test } from "vitest";
import { fnv1a, mulberry32 } from "../../../engine/rng.js";
import { detect } from "../../../pipeline/detect/detect.js";
import { downloadImage } from "../../../pipeline/detect/image.js";
import { type DetectOptions, detectDefaults } from "../../../pipeline/detect/options.js";
import { testDevice } from "../../support/device.js";

/** What OpenCV, scikit-image and SciPy make of an image in one order (test/fixtures/make_detect.py). */
interface Expected {
  threshold: number;
  entropy: { places: number[]; values: number[]; min: number; max: number };
  /** sha256 of the row-major bytes. */
  stages: Record<string, string>;
  pixels: Record<string, number>;
  labels: string;
  /** min_row, min_col, max_row, max_col, area, mean intensity, mean entropy. */
  objects: number[][];
}

interface Case {
  name: string;
  w: number;
  h: number;
  options: Partial<DetectOptions>;
  /** sha256 of an image that is made, not stored. */
  input?: string;
  text: Expected;
  code: Expected;
}

const folder = join(import.meta.dirname, "../../fixtures/detect");
const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as Case[];
const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function pixelsOf({ name, w, h, input }: Case): Uint8Array {
  if (input === undefined) {
    const png = PNG.sync.read(readFileSync(join(folder, `${name}.png`)));
    expect([png.width, png.height]).toEqual([w, h]);
    return Uint8Array.from({ length: w * h }, (_, i) => png.data[i * 4] as number);
  }
  const pixels = large(w, h);
  expect(sha(pixels), "the image is made as the fixture's was").toBe(input);
  return pixels;
}

function large(w: number, h: number): Uint8Array {
  const u = mulberry32(fnv1a("large"));
  const b = mulberry32(fnv1a("large/blocks"));
  const blocks = Float64Array.from({ length: 23 * 23 }, b);
  return Uint8Array.from({ length: w * h }, (_, i) => {
    const inside = (blocks[((i / w) >> 7) * 23 + ((i % w) >> 7)] as number) > 0.62;
    return inside ? Math.floor(60 + 130 * u()) : Math.floor(120 + 3 * u());
  });
}

describe.each(cases)("$name, $w x $h", (one) => {
  test.each(["text", "code"] as const)(
    "order %s: every stage equals the Python pipeline's, pixel for pixel",
    async (order) => {
      const device = await testDevice();
      const expected = one[order];
      const got: { stages: Record<string, string>; pixels: Record<string, number> } = { stages: {}, pixels: {} };
      let labels = "";
      const live = device.memory.live;
      const outcome = await detect(
        device,
        pixelsOf(one),
        one,
        { ...detectDefaults, ...one.options, order },
        {
          async image(name, image) {
            const pixels = await downloadImage(device, image);
            got.stages[name] = sha(pixels);
            got.pixels[name] = pixels.reduce((n, v) => n + (v > 0 ? 1 : 0), 0);
          },
          async entropy({ hi, lo }) {
            const [h, l] = [await device.readWords(hi), await device.readWords(lo)];
            expected.entropy.places.forEach((place, i) => {
              const e = (h[place] as number) * 2 ** -28 + (l[place] as number) * 2 ** -60;
              expect(Math.abs(e - (expected.entropy.values[i] as number)), `entropy at ${place}`).toBeLessThan(2e-14);
            });
          },
          async objects(objects) {
            labels = sha(new Uint8Array((await objects.labels()).buffer));
          },
        },
      );
      expect(got.pixels).toEqual(expected.pixels);
      expect(got.stages).toEqual(expected.stages);
      expect(labels).toBe(expected.labels);
      expect(outcome.threshold).toBe(expected.threshold);
      expect(sha(outcome.mask)).toBe(expected.stages.final);
      expect(outcome.warnings).toEqual([]);
      const objects = outcome.colonies.map((c) => [c.minRow, c.minCol, c.maxRow, c.maxCol, c.area]);
      expect(objects).toEqual(expected.objects.map((o) => o.slice(0, 5)));
      outcome.colonies.forEach((colony, i) => {
        const [meanIntensity, meanEntropy] = (expected.objects[i] ?? []).slice(5) as [number, number];
        expect(Math.abs(colony.meanIntensity - meanIntensity)).toBeLessThan(1e-9);
        expect(Math.abs(colony.meanEntropy - meanEntropy)).toBeLessThan(1e-8);
      });
      expect(device.memory.live, "nothing stays on the device").toBe(live);
    },
  );
});

test("a flat image gives an empty mask, no colony and a warning", async () => {
  const device = await testDevice();
  for (const order of ["text", "code"] as const) {
    const outcome = await detect(
      device,
      new Uint8Array(90 * 71).fill(128),
      { w: 90, h: 71 },
      { ...detectDefaults, order },
    );
    expect(new Set(outcome.mask)).toEqual(new Set([0]));
    expect(outcome).toMatchObject({ colonies: [], threshold: null, warnings: [expect.stringContaining("flat")] });
  }
});

test("options out of range and images that are too large are refused by name", async () => {
  const device = await testDevice();
  const size = { w: 4, h: 4 };
  const run = (options: Partial<DetectOptions>) =>
    detect(device, new Uint8Array(16), size, { ...detectDefaults, ...options });
  await expect(run({ entropyRadius: 0 })).rejects.toThrow("the radius of the entropy is 0");
  await expect(run({ openingRadius: 2.5 })).rejects.toThrow("the radius of the opening is 2.5");
  await expect(run({ minSize: -1 })).rejects.toThrow("the smallest colony is -1 px");
  await expect(detect(device, new Uint8Array(15), size)).rejects.toThrow("15 grey values do not make 4x4");
  await expect(detect(device, new Uint8Array(0), { w: 20000, h: 20000 })).rejects.toThrow("20000x20000 pixels");
});
