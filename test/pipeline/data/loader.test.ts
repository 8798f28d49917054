import { spawnSync } from "node:child_process";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { Rng } from "../../../engine/rng.js";
import { type LoaderOptions, PatchLoader } from "../../../pipeline/data/loader.js";
import { encodeGrey } from "../../../pipeline/data/png.js";
import { resizeBilinear } from "../../../pipeline/data/resize.js";
import type { GreyImage, Patch } from "../../../pipeline/data/types.js";
import { BuiltLoader } from "./builtLoader.js";
import { TestFolder } from "./folders.js";

const SIZE = 16;
const folders = new TestFolder();
const built = new BuiltLoader();
beforeAll(() => built.build());
afterAll(() => {
  folders.remove();
  built.remove();
});

/** Ten random images of different sizes, the last smaller than a patch; image 1 has a mask on its left half. */
function makeImages(): { images: GreyImage[]; files: { file: string; mask: string | null }[] } {
  const rng = new Rng(1, "test/images");
  const images = Array.from({ length: 10 }, (_, i) => {
    const [height, width] = i === 9 ? [7, 12] : [16 + 5 * i, 40 - 2 * i];
    return { height, width, pixels: Uint8Array.from({ length: height * width }, () => rng.int(256)) };
  });
  const half = images[1]!.pixels.map((_, p) => (p % images[1]!.width < 19 ? 255 : 0));
  const root = folders.make({
    ...Object.fromEntries(images.map((image, i) => [`${i}.png`, encodeGrey(image)])),
    "mask.png": encodeGrey({ ...images[1]!, pixels: half }),
  });
  return {
    images,
    files: images.map((_, i) => ({ file: join(root, `${i}.png`), mask: i === 1 ? join(root, "mask.png") : null })),
  };
}

const { images, files } = makeImages();
const everyImage = files.map((_, i) => i);
const open: PatchLoader[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((loader) => loader.close()));
});

function load(options: Partial<LoaderOptions> = {}, of = files): PatchLoader {
  const defaults = { size: SIZE, minForeground: 0.25, workers: 0, cacheBytes: 1e6, seed: 7 };
  const workerFile = options.workers ? { workerFile: built.url("worker") } : {};
  const loader = new PatchLoader(of, { ...defaults, ...workerFile, ...options });
  open.push(loader);
  return loader;
}

/** The patch's pixels cut from the image in memory. */
function expected({ image, y, x }: Patch, of: readonly GreyImage[] = images): Uint8Array {
  const { width, pixels } = of[image]!;
  const out = new Uint8Array(SIZE * SIZE);
  for (let r = 0; r < SIZE; r++) for (let c = 0; c < SIZE; c++) out[r * SIZE + c] = pixels[(y + r) * width + x + c]!;
  return out;
}

describe.each([0, 1, 3])("PatchLoader with %d workers", (workers) => {
  it("cuts what it says, in the order asked for", async () => {
    const loader = load({ workers });
    const large = [...images.slice(0, 9), resizeBilinear(images[9]!, 16, 27)];
    const order = [9, 3, 3, 0, 8, 1, 5];
    for (const patches of [await loader.drawBatch(order, 0, "U"), await loader.centralBatch(order)]) {
      expect(patches.map(({ image }) => image)).toEqual(order);
      for (const patch of patches) expect(patch.pixels).toEqual(expected(patch, large));
    }
  });

  it("draws the same as the main thread, with any cache and in any order of asking", async () => {
    const reference = await load().drawBatch(everyImage, 4, "U");
    const loader = load({ workers, cacheBytes: 0 });
    const others = [
      loader.drawBatch([5, 2], 4, "U"),
      loader.drawBatch(everyImage, 3, "U"),
      loader.drawBatch(everyImage, 4, "L"),
    ];
    expect(await loader.drawBatch(everyImage, 4, "U")).toEqual(reference);
    expect(await loader.draw(6, 4, "U")).toEqual(reference[6]);
    expect(await others[0]).toEqual([reference[5], reference[2]]);
    for (const other of [await others[1]!, await others[2]!]) {
      expect(other.map(({ y, x }) => [y, x])).not.toEqual(reference.map(({ y, x }) => [y, x]));
    }
  });

  it("draws patches as ever with those beside them, the same with any number of threads", async () => {
    const loader = load({ workers });
    const order = [8, 2, 8, 0];
    const pairs = await loader.drawPairs(order, 3, "U");
    expect(pairs.map(({ image }) => image)).toEqual([8, 8, 2, 2, 8, 8, 0, 0]);
    expect(pairs.filter((_, i) => i % 2 === 0)).toEqual(await loader.drawBatch(order, 3, "U"));
    expect(pairs).toEqual(await load().drawPairs(order, 3, "U"));
    for (const patch of pairs) expect(patch.pixels).toEqual(expected(patch));
    // Image 8 is 56 x 24 px: up or down a patch of 16 px lies a whole side away. Image 0 is 16 x 40 px: left or right.
    const away = (i: number) => [Math.abs(pairs[i + 1]!.y - pairs[i]!.y), Math.abs(pairs[i + 1]!.x - pairs[i]!.x)];
    expect([away(0), away(4)]).toEqual([
      [16, 0],
      [16, 0],
    ]);
    expect(away(6)[0]).toBe(0);
    expect(away(6)[1]).toBeGreaterThanOrEqual(12);
    const other = await loader.drawPairs(order, 4, "U");
    expect(other.map(({ y, x }) => [y, x])).not.toEqual(pairs.map(({ y, x }) => [y, x]));
  });

  it("cuts conserved crops again", async () => {
    const loader = load({ workers });
    const drawn = await loader.drawBatch(everyImage, 0, "U");
    expect(await loader.cropBatch(drawn)).toEqual(drawn);
    const { image, y, x } = drawn[9]!;
    expect(await loader.crop(image, y, x)).toEqual(drawn[9]);
  });

  it("gives several test patches per image, image after image", async () => {
    const loader = load({ workers });
    const tiles = await loader.tilesBatch([2, 7], 3);
    expect(tiles.map(({ image }) => image)).toEqual([2, 2, 2, 7, 7, 7]);
    expect(tiles).toEqual([...(await loader.tiles(2, 3)), ...(await loader.tiles(7, 3))]);
    for (const patch of tiles) expect(patch.pixels).toEqual(expected(patch));
    expect(await loader.tiles(4, 1)).toEqual([await loader.central(4)]);
  });

  it("rejects with the UserError of a bad file and goes on with the others", async () => {
    const root = folders.make({ "bad.png": "no image", "mask.png": { height: 3, width: 4 } });
    const broken = [
      ...files,
      { file: join(root, "bad.png"), mask: null },
      { file: files[0]!.file, mask: join(root, "mask.png") },
    ];
    const loader = load({ workers }, broken);
    await expect(loader.drawBatch([0, 10, 1], 0, "U")).rejects.toThrow(UserError);
    await expect(loader.central(10)).rejects.toThrow(/bad\.png: is no PNG, JPEG or TIFF file/);
    await expect(loader.central(11)).rejects.toThrow(
      /mask\.png: the mask is 4 x 3 px .* but its image .*0\.png is 40 x 16/,
    );
    expect((await loader.central(0)).pixels).toEqual(expected(await loader.central(0)));
  });

  it("refuses images and crops that do not exist", async () => {
    const loader = load({ workers });
    await expect(loader.draw(10, 0, "U")).rejects.toThrow(/image 10 does not exist; the loader has 10 images/);
    await expect(loader.draw(-1, 0, "U")).rejects.toThrow(RangeError);
    await expect(loader.crop(0, 1, 0)).rejects.toThrow(RangeError);
    await expect(loader.crop(0, 0, 25)).rejects.toThrow(
      /crop \(y 0, x 25, side 16\) is not inside image 0, 40 x 16 px/,
    );
  });

  it("rejects after closing, and may be closed twice", async () => {
    const loader = load({ workers });
    const waiting = loader.drawBatch(everyImage, 0, "U").then(
      () => "answered",
      (error: Error) => error.message,
    );
    await loader.close();
    await loader.close();
    expect(await waiting).toMatch(/answered|PatchLoader: the loader is closed/);
    await expect(loader.central(0)).rejects.toThrow("PatchLoader: the loader is closed");
  });
});

describe("PatchLoader", () => {
  it("draws patches with enough foreground more often than chance would", async () => {
    const loader = load({ seed: 1 });
    const share = async (minForeground: number) => {
      const of = load({ seed: 1, minForeground });
      const draws = await Promise.all(Array.from({ length: 300 }, (_, epoch) => of.draw(1, epoch, "U")));
      // The mask covers columns 0 to 18 of 38: a patch of 16 holds a quarter of foreground up to x = 15 of 22.
      return draws.filter(({ x }) => x <= 15).length / 300;
    };
    expect((await loader.draw(1, 0, "U")).pixels.length).toBe(256);
    expect(await share(0)).toBeLessThan(0.8); // 16/23 = 0.70
    expect(await share(0.25)).toBeGreaterThan(0.84); // 1 - (7/23)^2 = 0.91
  });

  it("gives an image that occurs twice in a batch two crops, and the first as ever", async () => {
    const loader = load();
    const epochs = Array.from({ length: 20 }, (_, epoch) => epoch);
    const pairs = await Promise.all(epochs.map((epoch) => loader.drawBatch([8, 8], epoch, "L")));
    const same = pairs.filter(([a, b]) => a!.y === b!.y && a!.x === b!.x).length;
    expect(same).toBeLessThan(5);
    for (const epoch of epochs) expect(pairs[epoch]![0]).toEqual(await loader.draw(8, epoch, "L"));
  });

  it("reads a file once while it fits into the cache, again when it does not", async () => {
    const root = folders.make({ "a.png": { height: 20, width: 20, value: 1 } });
    const of = [{ file: join(root, "a.png"), mask: null }];
    const [keeps, forgets] = [load({ cacheBytes: 400 }, of), load({ cacheBytes: 399 }, of)];
    for (const loader of [keeps, forgets]) expect((await loader.central(0)).pixels[0]).toBe(1);
    writeFileSync(of[0]!.file, encodeGrey({ height: 20, width: 20, pixels: new Uint8Array(400).fill(2) }));
    expect((await keeps.central(0)).pixels[0]).toBe(1);
    expect((await forgets.central(0)).pixels[0]).toBe(2);
  });

  it.each<[Partial<LoaderOptions>, RegExp]>([
    [{ size: 0 }, /size is 0/],
    [{ workers: 1.5 }, /workers is 1.5/],
    [{ tries: 0 }, /tries is 0/],
    [{ cacheBytes: Number.NaN }, /cacheBytes is NaN/],
    [{ minForeground: 2 }, /minForeground is 2/],
  ])("refuses %j", (options, message) => {
    expect(() => load(options)).toThrow(message);
  });

  it("rejects what is waiting when a thread dies, and everything after", async () => {
    const root = folders.make({
      "dies.mjs": 'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(3));',
    });
    const loader = load({ workers: 2, workerFile: pathToFileURL(join(root, "dies.mjs")) });
    await expect(loader.drawBatch(everyImage, 0, "U")).rejects.toThrow(
      /a decoding thread ended unexpectedly \(code 3\)/,
    );
    await expect(loader.central(0)).rejects.toThrow(/ended unexpectedly/);
  });

  it("rejects when the thread cannot start", async () => {
    const root = folders.make({ "wrong.mjs": 'throw new Error("no start");' });
    const loader = load({ workers: 1, workerFile: pathToFileURL(join(root, "wrong.mjs")) });
    await expect(loader.central(0)).rejects.toThrow(/no start/);
  });
});

describe("the built loader", () => {
  /** Runs a script beside the built modules. */
  const run = (script: string) => {
    const file = join(built.folder, "script.mjs");
    writeFileSync(file, `import { PatchLoader } from "./pipeline/data/loader.js";\n${script}`);
    return spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 20_000 });
  };
  const setup = `const loader = new PatchLoader(${JSON.stringify(files)}, { size: 16, minForeground: 0.25, workers: 2, cacheBytes: 1e6, seed: 7 });`;

  it("finds its worker, draws the same, and lets the process exit without close()", async () => {
    const { stdout, stderr, status } = run(`${setup}
      const patches = await loader.drawBatch([0, 1, 2], 5, "U");
      console.log(JSON.stringify(patches.map(({ y, x, pixels }) => [y, x, pixels.length])));`);
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    const here = await load().drawBatch([0, 1, 2], 5, "U");
    expect(JSON.parse(stdout)).toEqual(here.map(({ y, x, pixels }) => [y, x, pixels.length]));
  });

  it.runIf(process.platform === "linux")("decodes at low priority beside an adapter on the CPU, and only there", () => {
    for (const [cpuAdapter, threads] of [
      [true, 2],
      [false, 0],
    ] as const) {
      const { stdout, stderr } = run(`${setup.replace("seed: 7", `seed: 7, cpuAdapter: ${cpuAdapter}`)}
        import { readdirSync, readFileSync } from "node:fs";
        await loader.drawBatch([0, 1], 0, "U");
        const stats = readdirSync("/proc/self/task").map((id) => readFileSync("/proc/self/task/" + id + "/stat", "utf8"));
        const nice = stats.map((text) => Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[16]));
        console.log(nice.filter((n) => n === Math.min(...nice) + 10).length);`);
      expect(stdout, stderr).toBe(`${threads}\n`);
    }
  });

  it("waits for an answer that nobody else keeps the process alive for", () => {
    const { stdout, status } = run(`${setup}\nloader.central(3).then(({ pixels }) => console.log(pixels.length));`);
    expect({ stdout, status }).toEqual({ stdout: "256\n", status: 0 });
  });

  it("says so when its worker is missing", () => {
    const worker = join(built.folder, "pipeline/data/worker.js");
    rmSync(worker);
    const { stderr, status } = run(setup);
    expect(status).toBe(1);
    expect(stderr).toMatch(/PatchLoader: worker\.js is missing beside file:.*; build or install the package again/);
  });
});

describe("an image that changes under the loader", () => {
  it("rejects when it is cut short", async () => {
    const root = folders.make({ "a.png": encodeGrey(images[3]!) });
    truncateSync(join(root, "a.png"), 60);
    await expect(load({}, [{ file: join(root, "a.png"), mask: null }]).central(0)).rejects.toThrow(
      /a\.png: the PNG is damaged or cut short/,
    );
  });
});
