import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { type ClassMapOptions, classMap, defaultStride, slidingCorners } from "../../../pipeline/classMap/classMap.js";
import type { GreyImage, Patch } from "../../../pipeline/data/types.js";

/** Accumulated pixel by pixel with NumPy (test/fixtures/make_class_map.py). */
interface Case {
  height: number;
  width: number;
  size: number;
  stride: number;
  classes: number;
  minForeground: number;
  mask: string;
  /** Of the patches that touch the mask, row by row. */
  probabilities: number[][];
  labels: string;
  pixels: number[];
  mean: number[];
  /** Pixels that only patches with little foreground cover. */
  alone: number;
}

const fixture = join(import.meta.dirname, "../../fixtures/classMap.json");
const cases = JSON.parse(readFileSync(fixture, "utf8")) as Case[];
const digits = (text: string) => Uint8Array.from(text, Number);

/** A grey value that tells each pixel's place, so that a patch's place can be read from its pixels. */
function numbered(height: number, width: number): GreyImage {
  return { height, width, pixels: Uint8Array.from({ length: height * width }, (_, i) => (i * 7) % 256) };
}

describe("a class map equals the one that NumPy accumulates", () => {
  test.each(cases)("$height x $width, patches of $size every $stride, at least $minForeground", async (one) => {
    const { height, width, size, stride, classes, minForeground, probabilities } = one;
    const mask = { height, width, pixels: digits(one.mask) };
    const image = numbered(height, width);
    for (const batch of [1, 7, 1000]) {
      let next = 0;
      const seen: Patch[] = [];
      const map = await classMap(image, mask, { classes, size, stride, minForeground, batch }, async (patches) => {
        expect(patches.length).toBeLessThanOrEqual(batch);
        seen.push(...patches);
        return patches.map(() => probabilities[next++]!);
      });
      expect(map.patches).toBe(probabilities.length);
      expect([...map.labels].join("")).toBe(one.labels);
      expect([map.pixels, map.total]).toEqual([one.pixels, one.pixels.reduce((a, b) => a + b)]);
      for (const [c, value] of map.mean.entries()) expect(value).toBeCloseTo(one.mean[c]!, 10);
      for (const { y, x, pixels } of seen)
        expect([pixels[0], pixels.at(-1)]).toEqual([
          image.pixels[y * width + x],
          image.pixels[(y + size - 1) * width + x + size - 1],
        ]);
    }
  });

  test("the cases reach pixels that only patches with little foreground cover, and strides that do not fit", () => {
    expect(cases.some(({ alone }) => alone > 0)).toBe(true);
    expect(cases.some(({ height, size, stride }) => (height - size) % stride !== 0)).toBe(true);
  });
});

const options: ClassMapOptions = { classes: 2, size: 16, stride: 4, minForeground: 0, batch: 8 };
/** Class 0 for patches that are bright in the middle, else 1. */
const bright = async (patches: readonly Patch[]) =>
  patches.map(({ pixels, size }) => (pixels[(size * size + size) / 2]! > 100 ? [1, 0] : [0, 1]));

describe("a class map", () => {
  test("of an image that is smaller than a patch has the image's size", async () => {
    const image = { height: 10, width: 30, pixels: new Uint8Array(300).fill(200) };
    for (let i = 0; i < 300; i++) if (i % 30 >= 15) image.pixels[i] = 0;
    const mask = { height: 10, width: 30, pixels: new Uint8Array(300).fill(255) };
    mask.pixels[0] = 0;
    const map = await classMap(image, mask, options, bright);
    expect([map.height, map.width, map.total, map.labels[0]]).toEqual([10, 30, 299, 0]);
    expect([...map.labels.subarray(31, 40)]).toEqual(new Array(9).fill(1));
    expect([...map.labels.subarray(51, 60)]).toEqual(new Array(9).fill(2));
  });

  test("finds two halves of an image without a mask", async () => {
    const image = {
      height: 64,
      width: 64,
      pixels: Uint8Array.from({ length: 4096 }, (_, i) => (i % 64 < 32 ? 200 : 0)),
    };
    const { labels, pixels, total } = await classMap(image, null, options, bright);
    expect(total).toBe(4096);
    expect(Math.abs(pixels[0]! - 2048)).toBeLessThanOrEqual(4 * 64);
    expect([labels[32 * 64], labels[32 * 64 + 63]]).toEqual([1, 2]);
  });

  test("of an empty mask is empty, and no patch is classified", async () => {
    const image = numbered(20, 20);
    const mask = { height: 20, width: 20, pixels: new Uint8Array(400) };
    const map = await classMap(image, mask, options, () => Promise.reject(new Error("not to be called")));
    expect(map).toMatchObject({ total: 0, patches: 0, pixels: [0, 0], mean: [0, 0], labels: new Uint8Array(400) });
  });

  test("stops when it is told to", async () => {
    const signal = AbortSignal.abort();
    await expect(classMap(numbered(20, 20), null, { ...options, signal }, bright)).rejects.toThrow(/abort/i);
  });

  test.each([
    [{ stride: 17 }, /stride is 17; give a whole number from 1 to 16/],
    [{ stride: 0 }, /stride is 0/],
    [{ classes: 256 }, /classes is 256/],
    [{ minForeground: 1.5 }, /minForeground is 1.5/],
  ])("refuses %j", async (change, message) => {
    await expect(classMap(numbered(20, 20), null, { ...options, ...change }, bright)).rejects.toThrow(message);
  });

  test("covers every pixel whatever the stride", () => {
    for (const [height, width, size, stride] of [
      [40, 31, 12, 5],
      [16, 16, 16, 4],
      [33, 64, 16, 16],
    ] as const) {
      const covered = new Uint8Array(height * width);
      for (const { y, x } of slidingCorners(height, width, size, stride))
        for (let i = 0; i < size * size; i++) covered[(y + Math.floor(i / size)) * width + x + (i % size)] = 1;
      expect(covered.includes(0)).toBe(false);
    }
    expect([defaultStride(64), defaultStride(128), defaultStride(2)]).toEqual([16, 32, 1]);
  });
});

test("class map, label file and overlay bundle for a browser page without anything of Node", async () => {
  const root = join(import.meta.dirname, "../../..");
  const names = ["classMap", "labelTiff", "overlay"];
  const { outputFiles } = await build({
    stdin: {
      contents: names.map((name) => `export * from "./pipeline/classMap/${name}.js";`).join(""),
      resolveDir: root,
    },
    ...{ bundle: true, platform: "browser", format: "esm", write: false, logLevel: "silent" },
  });
  expect(outputFiles[0]!.text).not.toMatch(/["'](node:|pngjs)/);
});
