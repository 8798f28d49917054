import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { FASHION_SHAPES, type FashionShape } from "../../../pipeline/data/fashionShapes.js";
import { DEBIAN_FOLDER, importFashionMnist } from "../../../pipeline/data/importFashionMnist.js";
import { readGrey } from "../../../pipeline/data/png.js";
import { resizeBilinear } from "../../../pipeline/data/resize.js";
import { scanDataset } from "../../../pipeline/data/scan.js";
import { TestFolder } from "./folders.js";

const folders = new TestFolder();
afterAll(() => folders.remove());

function idx(magic: number, sizes: number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  for (const [i, value] of [magic, ...sizes].entries()) header.writeUInt32BE(value, 4 * i);
  return gzipSync(Buffer.concat([header, data]), { level: 1 });
}

/** Pixel p of image i of the made-up set, 2 x 2 px. */
const pixel = (i: number, p: number) => (i * 7 + p * 50) % 256;

/** A made-up set with `perClass` images of each class in turn. */
function makeSource(trainPerClass: number, testPerClass: number): string {
  const files: Record<string, Uint8Array> = {};
  for (const [part, perClass] of [
    ["train", trainPerClass],
    ["t10k", testPerClass],
  ] as const) {
    const count = perClass * 10;
    const pixels = Uint8Array.from({ length: count * 4 }, (_, p) => pixel(p >> 2, p & 3));
    files[`${part}-images-idx3-ubyte.gz`] = idx(2051, [count, 2, 2], pixels);
    files[`${part}-labels-idx1-ubyte.gz`] = idx(
      2049,
      [count],
      Uint8Array.from({ length: count }, (_, i) => i % 10),
    );
  }
  return folders.make(files);
}

const out = () => join(folders.make({}), "new");

describe("importFashionMnist", () => {
  it("writes the first images of each class, the test images and a README that scanDataset can use", async () => {
    const source = makeSource(6000, 3);
    const parent = folders.make({ "new/": "" }); // an empty folder may exist
    const target = join(parent, "new");
    const seen: [number, number][] = [];
    const onProgress = (...step: [number, number]) => seen.push(step);
    const summary = await importFashionMnist(target, { shape: "stem-cell", source, onProgress });
    expect(readdirSync(parent)).toEqual(["new"]);
    expect(summary.images).toBe(10671);
    expect(seen.at(-1)).toEqual([10671 + 12, 10671 + 12]);
    const shirts = readdirSync(join(target, "images", "Shirt")).sort();
    expect([shirts.length, shirts[0], shirts[374]]).toEqual([375, "train-00006.png", "train-03746.png"]);
    const pixels = Uint8Array.from({ length: 4 }, (_, p) => pixel(3746, p));
    const image = readGrey(join(target, "images", "Shirt", "train-03746.png"));
    expect(image).toEqual(resizeBilinear({ height: 2, width: 2, pixels }, 64, 64));
    expect(readFileSync(join(target, "README.txt"), "utf8")).toMatch(/Zalando SE.* Licence: MIT/);
    const dataset = await scanDataset(target);
    expect(dataset.classes).toEqual(["Coat", "Pullover", "Shirt", "T-shirt"]);
    expect(dataset.images.length).toBe(10671);
    expect(readdirSync(join(target, "test", "images", "Coat")).length).toBe(3);
  });

  it("writes small images with a black border, in the long-tailed shape", async () => {
    const target = out();
    const { counts, testCounts } = await importFashionMnist(target, {
      shape: "lt100",
      size: 32,
      source: makeSource(6000, 2),
    });
    expect([counts["T-shirt"], counts["Ankle-boot"]]).toEqual([6000, 60]);
    expect(Object.keys(testCounts)).toHaveLength(10);
    const image = readGrey(join(target, "test", "images", "Ankle-boot", "test-00009.png"));
    const at = (y: number, x: number) => image.pixels[y * 32 + x];
    expect([image.height, image.width, image.pixels.filter((p) => p > 0).length]).toEqual([32, 32, 4]);
    expect([at(15, 15), at(15, 16), at(16, 15), at(16, 16)]).toEqual([0, 1, 2, 3].map((p) => pixel(9, p)));
    expect(readFileSync(join(target, "README.txt"), "utf8")).toMatch(/set into 32x32 px, with a black border/);
  });

  it("has the numbers of the stem cell set, and a long tail of 100", () => {
    expect(FASHION_SHAPES["stem-cell"].map(({ label, images }) => [label, images])).toEqual([
      [6, 375],
      [4, 2049],
      [2, 2247],
      [0, 6000],
    ]);
    const tail = FASHION_SHAPES.lt100.map(({ images }) => images);
    expect([tail[0], tail[9], tail.length]).toEqual([6000, 60, 10]);
    for (let k = 1; k < 10; k++) expect(tail[k]! / tail[k - 1]!).toBeCloseTo(100 ** (-1 / 9), 2);
  });

  it("tells how to install the set when it is absent", async () => {
    const source = folders.make({});
    await expect(importFashionMnist(out(), { shape: "stem-cell", source })).rejects.toThrow(
      /train-images-idx3-ubyte\.gz.* are missing\. Give the folder/,
    );
    if (existsSync(DEBIAN_FOLDER)) return;
    await expect(importFashionMnist(out(), { shape: "stem-cell" })).rejects.toThrow(
      /sudo apt-get install dataset-fashion-mnist/,
    );
  });

  it("refuses a folder with files in it and an unknown shape, before anything is read", async () => {
    const source = makeSource(1, 1);
    const full = folders.make({ "keep.txt": "x" });
    await expect(importFashionMnist(full, { shape: "stem-cell", source })).rejects.toThrow(
      /the output folder is not empty/,
    );
    await expect(importFashionMnist(join(full, "keep.txt"), { shape: "stem-cell", source })).rejects.toThrow(
      /keep\.txt: cannot be used as the output folder \(ENOTDIR\)/,
    );
    expect(readFileSync(join(full, "keep.txt"), "utf8")).toBe("x");
    const shape = "none" as FashionShape;
    await expect(importFashionMnist(out(), { shape, source })).rejects.toThrow(
      /shape "none" is unknown; choose one of stem-cell, lt100/,
    );
  });

  it("leaves nothing behind when it fails or is stopped", async () => {
    const parent = folders.make({});
    const target = join(parent, "new");
    await expect(importFashionMnist(target, { shape: "stem-cell", source: makeSource(10, 1) })).rejects.toThrow(
      /class 6 \(Shirt\) has 10 training images, 375 are needed/,
    );
    const controller = new AbortController();
    const onProgress = (done: number) => done >= 200 && controller.abort();
    const options = { shape: "stem-cell", source: makeSource(6000, 1), onProgress, signal: controller.signal } as const;
    await expect(importFashionMnist(target, options)).rejects.toThrow(/abort/);
    expect(readdirSync(parent)).toEqual([]);
  });

  it.each<[string, (file: Buffer) => Buffer, RegExp]>([
    [
      "t10k-labels-idx1-ubyte.gz",
      (file) => file.subarray(0, 20),
      /t10k-labels-idx1-ubyte\.gz: is damaged or no gzip file/,
    ],
    [
      "train-images-idx3-ubyte.gz",
      () => idx(2049, [10], new Uint8Array(10)),
      /train-images-idx3-ubyte\.gz: starts with the number 2049 instead of 2051/,
    ],
    [
      "train-images-idx3-ubyte.gz",
      () => idx(2051, [10, 2, 2], new Uint8Array(39)),
      /holds 55 bytes, but its header \(10 x 2 x 2\) asks for 56/,
    ],
    ["train-images-idx3-ubyte.gz", () => gzipSync(Buffer.from([0, 0])), /starts with the number -1 instead of 2051/],
    [
      "train-labels-idx1-ubyte.gz",
      () => idx(2049, [9], new Uint8Array(9)),
      /train-labels-idx1-ubyte\.gz: has 9 labels for the 10 images/,
    ],
    [
      "train-labels-idx1-ubyte.gz",
      () => idx(2049, [10], new Uint8Array(10).fill(10)),
      /label 10 of image 0 is not below 10/,
    ],
  ])("names the damaged file %s (case %#)", async (name, damage, message) => {
    const source = makeSource(1, 1);
    writeFileSync(join(source, name), damage(readFileSync(join(source, name))));
    await expect(importFashionMnist(out(), { shape: "stem-cell", source })).rejects.toThrow(UserError);
    await expect(importFashionMnist(out(), { shape: "stem-cell", source })).rejects.toThrow(message);
  });
});

describe("importFashionMnist from Debian's package", () => {
  beforeEach((ctx) => ctx.skip(!existsSync(DEBIAN_FOLDER), "needs Debian's package dataset-fashion-mnist"));

  it("takes 10671 images in the order of the files", async () => {
    const target = out();
    const summary = await importFashionMnist(target, { shape: "stem-cell" });
    expect(summary.counts).toEqual({ Shirt: 375, Coat: 2049, Pullover: 2247, "T-shirt": 6000 });
    expect(summary.testCounts).toEqual({ Shirt: 1000, Coat: 1000, Pullover: 1000, "T-shirt": 1000 });
    const labels = gunzipSync(readFileSync(join(DEBIAN_FOLDER, "train-labels-idx1-ubyte.gz"))).subarray(8);
    const shirts = readdirSync(join(target, "images", "Shirt")).map((name) => Number(name.slice(6, 11)));
    expect(shirts.every((i) => labels[i] === 6)).toBe(true);
    expect(labels.subarray(0, Math.max(...shirts) + 1).filter((label) => label === 6).length).toBe(375);
    const dataset = await scanDataset(target);
    expect([dataset.classes, dataset.warnings]).toEqual([["Coat", "Pullover", "Shirt", "T-shirt"], []]);
  });
});
