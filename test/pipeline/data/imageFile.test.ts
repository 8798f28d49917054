import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { readGreyImage, readMaskImage } from "../../../pipeline/data/imageFile.js";
import { PatchLoader } from "../../../pipeline/data/loader.js";
import { scanDataset } from "../../../pipeline/data/scan.js";
import { BuiltLoader } from "./builtLoader.js";
import { TestFolder } from "./folders.js";

/** Grey values by Pillow and OpenCV, as digests (test/fixtures/make_images.py). */
const fixtures = join(import.meta.dirname, "../../fixtures/images");
const expected = JSON.parse(readFileSync(join(fixtures, "expected.json"), "utf8")) as Record<
  string,
  { w: number; h: number; grey: string }[]
>;
const fixture = (name: string) => readFileSync(join(fixtures, name));
const single = Object.entries(expected).filter(([, pages]) => pages.length === 1);
const sha = (pixels: Uint8Array) => createHash("sha256").update(pixels).digest("hex");

const folders = new TestFolder();
const built = new BuiltLoader();
beforeAll(() => built.build());
afterAll(() => {
  folders.remove();
  built.remove();
});

describe("images of a data set", () => {
  it.each(single)("%s is read as Pillow and OpenCV do", async (name, [page]) => {
    const { width, height, pixels } = await readGreyImage(join(fixtures, name));
    expect([width, height, sha(pixels)]).toEqual([page!.w, page!.h, page!.grey]);
  });

  it("cover 8 and 16 bits of the three formats", () => {
    const names = single.map(([name]) => name);
    for (const name of ["grey8.png", "grey16.png", "grey8.tif", "grey16lzw.tif", "grey.jpg", "rgb420.jpg"])
      expect(names).toContain(name);
  });

  it("are one per file: a series is refused with the way out", async () => {
    const frames = expected["series.tif"]!.length;
    await expect(readGreyImage(join(fixtures, "series.tif"))).rejects.toThrow(
      `series.tif: holds ${frames} images (a series), where one is expected: save it as an image sequence`,
    );
  });

  it("say when a camera of 12 bits leaves few grey values, and which channel is taken", async () => {
    const notes: string[] = [];
    await readGreyImage(join(fixtures, "camera12.png"), (note) => notes.push(note));
    expect(notes).toEqual([
      expect.stringMatching(/camera12\.png: of its 16 bits, .* leaves \d+ grey values; .*stretch/),
    ]);
    notes.length = 0;
    await readGreyImage(join(fixtures, "twoSamples.tif"), (note) => notes.push(note));
    expect(notes).toEqual([expect.stringMatching(/twoSamples\.tif: has channels 0, 1; 0 is used$/)]);
  });

  it.each([
    ["cut short", "grey8.tif", /x\.tif: the TIFF is damaged or cut short/],
    ["cut short", "rgb420.jpg", /x\.tif: the JPEG is damaged or cut short/],
    ["cut short", "grey8.png", /x\.tif: the PNG is damaged or cut short/],
  ])("%s are named: %s", async (_, name, message) => {
    const bytes = fixture(name);
    const root = folders.make({ "x.tif": new Uint8Array(bytes.subarray(0, Math.floor(bytes.length * 0.6))) });
    await expect(readGreyImage(join(root, "x.tif"))).rejects.toThrow(UserError);
    await expect(readGreyImage(join(root, "x.tif"))).rejects.toThrow(message);
  });
});

describe("masks of a data set", () => {
  const image = { height: 3, width: 2, pixels: new Uint8Array(6) };

  it("are 1 above 0 in any format, bit depth and colour", async () => {
    for (const name of ["grey16lzw.tif", "rgb8.png", "bits1.png"]) {
      const { width, height, pixels } = await readGreyImage(join(fixtures, name));
      const mask = await readMaskImage(join(fixtures, name), { width, height, pixels }, name);
      expect(new Set(mask.pixels).size).toBeLessThanOrEqual(2);
      // What is above 0 in grey is above 0 in the file; the converse need not hold for 16 bits.
      for (const [i, value] of pixels.entries()) if (value > 0) expect(mask.pixels[i]).toBe(1);
    }
  });

  it("of another size name both files and both sizes", async () => {
    const root = folders.make({ "mask.png": { height: 2, width: 3, value: 0 } });
    const read = readMaskImage(join(root, "mask.png"), image, "images/A/x.png");
    await expect(read).rejects.toThrow(
      /mask\.png: the mask is 3 x 2 px \(width x height\), but its image images\/A\/x\.png is 2 x 3/,
    );
    const fitting = await readMaskImage(join(root, "mask.png"), { ...image, height: 2, width: 3 }, "x");
    expect(fitting.pixels).toEqual(new Uint8Array(6));
  });
});

describe.each([0, 2])("a data set of mixed formats, %d workers", (workers) => {
  it("is scanned and read, with its notes told once", async () => {
    const names = ["grey8.png", "grey16lzw.tif", "grey.jpg", "camera12.png"];
    const root = folders.make({ "A/": "", "B/": "" });
    for (const [i, name] of names.entries()) writeFileSync(join(root, i % 2 ? "A" : "B", name), fixture(name));
    const { images } = await scanDataset(root);
    expect(images.map(({ id }) => id)).toEqual(["A/camera12.png", "A/grey16lzw.tif", "B/grey.jpg", "B/grey8.png"]);
    const options = { size: 8, minForeground: 0, workers, cacheBytes: 0, seed: 1 };
    const loader = new PatchLoader(images, workers ? { ...options, workerFile: built.url("worker") } : options);
    try {
      const batches = await Promise.all([loader.centralBatch([0, 1, 2, 3]), loader.centralBatch([3, 2, 1, 0])]);
      for (const patch of batches.flat()) {
        const { width, height, pixels } = await readGreyImage(images[patch.image]!.file);
        expect([patch.y, patch.x]).toEqual([Math.floor((height - 8) / 2), Math.floor((width - 8) / 2)]);
        const row = (y: number) => [...pixels.subarray((patch.y + y) * width + patch.x).subarray(0, 8)];
        expect([...patch.pixels]).toEqual(Array.from({ length: 8 }, (_, y) => row(y)).flat());
      }
      expect(loader.takeNotes()).toEqual([expect.stringContaining("camera12.png: of its 16 bits")]);
      await loader.centralBatch([0]);
      expect(loader.takeNotes()).toEqual([]);
    } finally {
      await loader.close();
    }
  });
});
