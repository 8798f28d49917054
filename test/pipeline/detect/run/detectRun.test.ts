import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { encode } from "fast-png";
import { fromArrayBuffer, type GeoTIFF } from "geotiff";
import { afterAll, describe, expect, test } from "vitest";
import { parseCsv } from "../../../../pipeline/data/csv.js";
import { readGrey } from "../../../../pipeline/data/png.js";
import { scanDataset } from "../../../../pipeline/data/scan.js";
import { detectDefaults } from "../../../../pipeline/detect/options.js";
import { detectWells } from "../../../../pipeline/detect/run/detectRun.js";
import type { DetectRunOptions } from "../../../../pipeline/detect/run/types.js";
import { bits16Default } from "../../../../pipeline/images/index.js";

const fixtures = join(import.meta.dirname, "../../../fixtures");
const root = mkdtempSync(join(tmpdir(), "equipoise-detect-"));
afterAll(() => rmSync(root, { recursive: true }));

/** What Python makes of synth1.png and cell.png (test/fixtures/make_detect.py). */
interface Case {
  name: string;
  text: { stages: Record<string, string>; objects: number[][]; entropy: { places: number[]; values: number[] } };
}
const cases = JSON.parse(readFileSync(join(fixtures, "detect/cases.json"), "utf8")) as Case[];
const synth1 = cases.find(({ name }) => name === "synth1")!.text;
const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

let folders = 0;
/** A new folder with the files named: a fixture to copy, or bytes. */
function wells(files: Record<string, string | Uint8Array>): { folder: string; out: string } {
  const folder = join(root, `wells${folders++}`);
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    mkdirSync(join(file, ".."), { recursive: true });
    if (typeof content === "string") copyFileSync(join(fixtures, content), file);
    else writeFileSync(file, content);
  }
  return { folder, out: `${folder}-out` };
}

interface Told {
  warnings: string[];
  progress: number;
}

function options(out: string, change: Partial<DetectRunOptions> = {}): DetectRunOptions & { told: Told } {
  const told: Told = { warnings: [], progress: 0 };
  const log = {
    info: () => {},
    warn: (text: string) => void told.warnings.push(text),
    progress: () => void told.progress++,
    confirm: async () => true,
  };
  return {
    ...{ out, detect: detectDefaults, bits16: bits16Default, pattern: null, channel: null, intermediates: false },
    ...{ log, signal: new AbortController().signal, told, ...change },
  };
}

const rowsOf = (out: string) =>
  parseCsv(readFileSync(join(out, "colonies.csv"), "utf8"), "colonies.csv").rows.map((r) => r.values);
const crops = (out: string, kind = "images") => readdirSync(join(out, kind, "Unlabelled")).sort();

/** Ten grey squares of noise on a flat ground, `size` px wide each: an image with as many colonies as `at` has places. */
function noisy(at: readonly [x: number, y: number][], size = 60, w = 300, h = 200): Uint8Array {
  const data = new Uint8Array(w * h).fill(120);
  for (const [x0, y0] of at)
    for (let y = y0; y < y0 + size; y++)
      for (let x = x0; x < x0 + size; x++) data[y * w + x] = 60 + (((x * 7919 + y * 104729) * 2654435761) >>> 25);
  return encode({ width: w, height: h, data, channels: 1, depth: 8 });
}

describe("what is written", () => {
  const { folder, out } = wells({ "plate/A1_t00.png": "detect/synth1.png", "notes.txt": new Uint8Array(3) });

  test("mask, crops, masks and table are those of the Python pipeline", async () => {
    const summary = await detectWells([folder], options(out, { intermediates: true }));
    expect(summary).toMatchObject({ files: 1, detected: 1, unchanged: 0, failures: [], warnings: [], empty: 0 });
    expect(summary.colonies).toBe(synth1.objects.length);
    const mask = readGrey(join(out, "A1_t00/mask.png"));
    expect(sha(mask.pixels)).toBe(synth1.stages.final);
    const well = readGrey(join(fixtures, "detect/synth1.png"));
    const rows = rowsOf(out);
    expect(rows).toHaveLength(synth1.objects.length);
    for (const [i, [minRow, minCol, maxRow, maxCol, area, intensity, entropy]] of synth1.objects.entries()) {
      const row = rows[i]!;
      const identity = { well: "A1", time: "00", stem: "A1_t00", n: String(i + 1), touches_border: "false" };
      expect(row).toMatchObject({ ...identity, file: `${folder}/plate/A1_t00.png` });
      const numbers = [row.min_row, row.min_col, row.max_row, row.max_col, row.area].map(Number);
      expect(numbers).toEqual([minRow, minCol, maxRow, maxCol, area]);
      expect(Number(row.mean_intensity)).toBeCloseTo(intensity!, 5);
      expect(Number(row.mean_entropy)).toBeCloseTo(entropy!, 6);
      const crop = readGrey(join(out, `images/Unlabelled/A1_t00_${i + 1}.png`));
      const cropMask = readGrey(join(out, `masks/Unlabelled/A1_t00_${i + 1}.png`));
      expect([crop.height, crop.width]).toEqual([maxRow! - minRow!, maxCol! - minCol!]);
      expect(cropMask.pixels.reduce((n, v) => n + v / 255, 0)).toBe(area);
      crop.pixels.forEach((value, at) => {
        const there = (minRow! + Math.floor(at / crop.width)) * well.width + minCol! + (at % crop.width);
        if (value !== well.pixels[there]) throw new Error(`crop ${i + 1} differs from the well at ${at}`);
        if (cropMask.pixels[at]! > 0 && mask.pixels[there] === 0) throw new Error(`mask ${i + 1} differs at ${at}`);
      });
    }
  });

  test("every stage is written, the entropy also as 32-bit floats", async () => {
    const stages = readdirSync(join(out, "A1_t00/stages")).sort();
    const names = [
      "1_grey",
      "2_blur",
      "3_entropy",
      "4_rescaled",
      "5_binary",
      "6_opened",
      "7_filled",
      "8_final",
      "9_labels",
    ];
    expect(stages.filter((name) => name.endsWith(".png"))).toEqual(names.map((name) => `${name}.png`));
    for (const name of ["2_blur", "4_rescaled", "5_binary", "6_opened", "7_filled", "8_final"])
      expect(sha(readGrey(join(out, `A1_t00/stages/${name}.png`)).pixels), name).toBe(synth1.stages[name.slice(2)]);
    const bytes = readFileSync(join(out, "A1_t00/stages/3_entropy.tif"));
    const tiff: GeoTIFF = await fromArrayBuffer(new Uint8Array(bytes).buffer);
    const image = await tiff.getImage();
    const values = (await image.readRasters({ interleave: true })) as unknown as Float32Array;
    expect([image.getWidth(), image.getHeight()]).toEqual([512, 512]);
    for (const [i, place] of synth1.entropy.places.entries())
      expect(values[place]).toBeCloseTo(synth1.entropy.values[i]!, 5);
  });

  test("with classes added, training reads the folder, each crop with its mask", async () => {
    for (const [name, n] of [
      ["Dense", 1],
      ["Spread", 2],
    ] as const)
      for (const kind of ["images", "masks"]) {
        mkdirSync(join(out, kind, name), { recursive: true });
        renameSync(join(out, kind, "Unlabelled", `A1_t00_${n}.png`), join(out, kind, name, `A1_t00_${n}.png`));
      }
    const { classes, images, warnings } = await scanDataset(out);
    expect(classes).toEqual(["Dense", "Spread"]);
    expect(images.map(({ part }) => part).sort()).toEqual(["labelled", "labelled", "unlabelled"]);
    expect(images.every(({ mask }) => mask !== null)).toBe(true);
    expect(warnings.filter((text) => !text.includes("time"))).toEqual([]);
  });

  test("crops that were sorted into classes do not come back; a lost one does", async () => {
    const again = await detectWells([folder], options(out));
    expect(again).toMatchObject({ detected: 0, unchanged: 1, colonies: synth1.objects.length });
    rmSync(join(out, "images/Unlabelled/A1_t00_3.png"));
    expect(await detectWells([folder], options(out))).toMatchObject({ detected: 1, unchanged: 0, warnings: [] });
    expect(crops(out)).toEqual(["A1_t00_3.png"]);
    const { told, ...other } = options(out, { detect: { ...detectDefaults, order: "code" } });
    await detectWells([folder], other);
    expect(told.warnings).toEqual([expect.stringContaining("A1_t00: 2 crop(s) of an earlier detection were sorted")]);
    expect(crops(out)).toHaveLength(synth1.objects.length);
  });
});

describe("many files", () => {
  const places: [number, number][] = [
    [20, 20],
    [200, 100],
  ];
  const flat = encode({ width: 80, height: 70, data: new Uint8Array(5600).fill(9), channels: 1, depth: 8 });

  test("a damaged file is reported and skipped, the rest is done; a flat image has an empty mask and a warning", async () => {
    const whole = readFileSync(join(fixtures, "images/grey16deflate.tif"));
    const { folder, out } = wells({
      "B1_t1.png": noisy(places),
      "B2_t1.tif": whole.subarray(0, 900),
      "B3_t1.png": flat,
      "B4.czi": Buffer.from("ZISRAWFILE"),
      "B10_t1.png": noisy(places.slice(1)),
    });
    const summary = await detectWells([folder], options(out));
    expect(summary).toMatchObject({ files: 5, detected: 3, colonies: 3, empty: 1 });
    expect(summary.failures.map(({ file }) => file)).toEqual([join(folder, "B2_t1.tif"), join(folder, "B4.czi")]);
    expect(summary.failures[0]!.message).toMatch(/B2_t1\.tif: the TIFF is damaged or cut short/);
    expect(summary.failures[1]!.message).toMatch(/Zeiss CZI.*bfconvert/);
    expect(summary.warnings).toEqual([expect.stringMatching(/B3_t1\.png: the image is flat/)]);
    expect(readGrey(join(out, "B3_t1/mask.png"))).toEqual({ height: 70, width: 80, pixels: new Uint8Array(5600) });
    expect(existsSync(join(out, "B3_t1/overlay.png"))).toBe(true);
    expect(rowsOf(out).map(({ stem, n }) => `${stem} ${n}`)).toEqual(["B1_t1 1", "B1_t1 2", "B10_t1 1"]);
  });

  test("a second run adds wells, and replaces those of the same well and time", async () => {
    const first = wells({ "B1_t1.png": noisy(places), "B2_t1.png": noisy(places) });
    await detectWells([first.folder], options(first.out));
    const second = wells({ "B2_again_t1.png": noisy(places.slice(1)), "B3_t1.png": noisy(places) });
    const summary = await detectWells([second.folder], options(first.out));
    expect(summary).toMatchObject({ detected: 2, replaced: ["B2_t1"], all: { images: 3, colonies: 5 } });
    expect(rowsOf(first.out).map(({ stem, n }) => `${stem} ${n}`)).toEqual([
      "B1_t1 1",
      "B1_t1 2",
      "B2_again_t1 1",
      "B3_t1 1",
      "B3_t1 2",
    ]);
    expect(crops(first.out)).toEqual(crops(first.out, "masks"));
    expect(crops(first.out)).toHaveLength(5);
    expect(existsSync(join(first.out, "B2_t1"))).toBe(false);
  });

  test("a run that was stopped goes on to the same result", async () => {
    const files = Object.fromEntries([1, 2, 3, 4].map((n) => [`C${n}_t0.png`, noisy(places)]));
    const { folder, out } = wells(files);
    const whole = join(root, "whole-out");
    await detectWells([folder], options(whole));
    const controller = new AbortController();
    const stopping = options(out, { signal: controller.signal });
    const progress = () => controller.abort();
    await expect(detectWells([folder], { ...stopping, log: { ...stopping.log, progress } })).rejects.toThrow(/abort/i);
    expect(rowsOf(out).map(({ stem }) => stem)).toEqual(["C1_t0", "C1_t0"]);
    // As a kill in the middle of writing leaves it.
    const file = join(out, "C1_t0/well.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"complete": true', '"complete": false'));
    expect(await detectWells([folder], options(out))).toMatchObject({ detected: 4, unchanged: 0 });
    for (const table of ["colonies.csv", "detection.json"])
      expect(readFileSync(join(out, table), "utf8")).toBe(readFileSync(join(whole, table), "utf8"));
    expect(await detectWells([folder], options(out))).toMatchObject({ detected: 0, unchanged: 4, colonies: 8 });
    writeFileSync(join(folder, "C2_t0.png"), noisy(places.slice(1)));
    expect(await detectWells([folder], options(out))).toMatchObject({ detected: 1, unchanged: 3, colonies: 7 });
    expect(crops(out)).toHaveLength(7);
  });

  test("the pages of an OME-TIFF are images; the results of its channel and plate are named after it", async () => {
    const { folder, out } = wells({
      "series.ome.tif": "images/series.ome.tif",
      "plate.ome.tif": "images/plate.ome.tif",
    });
    const told = options(out, { channel: null, detect: { ...detectDefaults, minSize: 20 } });
    const summary = await detectWells([folder], told);
    expect(summary).toMatchObject({ files: 2, detected: 7, failures: [] });
    expect(told.told.warnings.find((text) => text.includes("channels"))).toContain(
      "0 (Phase & contrast), 1 (GFP); 0 is used",
    );
    const stems = [
      "plate_B11_t0",
      "plate_B11_t1",
      "plate_B3_t0",
      "plate_B3_t1",
      "series_t0_c0",
      "series_t1_c0",
      "series_t2_c0",
    ];
    expect(
      readdirSync(out)
        .filter((name) => existsSync(join(out, name, "mask.png")))
        .sort(),
    ).toEqual(stems);
    const { images } = JSON.parse(readFileSync(join(out, "detection.json"), "utf8"));
    const [first] = images as Record<string, unknown>[];
    expect(first).toMatchObject({
      well: "B3",
      time: "0",
      page: 1,
      scale: { bits: 16, rule: "full", low: 0, high: 65535 },
    });
    const gfp = await detectWells([folder], options(`${out}2`, { channel: 1 }));
    expect(gfp.failures).toEqual([
      {
        file: join(folder, "plate.ome.tif"),
        message: expect.stringContaining("has one channel, 0; there is no channel 1"),
      },
    ]);
  });

  test("files of one name in several folders, and names that are no good names", async () => {
    const image = noisy(places);
    const { folder, out } = wells({ "D1/t0.png": image, "D2/t0.png": image, "images.png": image, "=D3.png": image });
    await detectWells([folder], options(out));
    const named = rowsOf(out).filter(({ n }) => n === "1");
    expect(named.map(({ well, time, stem }) => [well, time, stem])).toEqual(
      [
        ["D1", "0", "D1_t0"],
        ["D2", "0", "D2_t0"],
        ["D3", "", "'=D3"],
        ["images", "", "images_well"],
      ].sort((a, b) => a[0]!.localeCompare(b[0]!)),
    );
    // The results lie among the wells, and are no wells.
    const inside = join(folder, "results");
    expect(await detectWells([folder], options(inside))).toMatchObject({ files: 4 });
    expect(await detectWells([folder], options(inside))).toMatchObject({ files: 4, unchanged: 4 });
  });

  test("in threads of the built package everything is the same", async () => {
    const worker = join(import.meta.dirname, "../../../../dist/node/pipeline/detect/run/worker.js");
    const { folder, out } = wells({
      "E1_t0.png": noisy(places),
      "E2_t0.jpg": "images/grey.jpg",
      "E3_t0.nd2": new Uint8Array(4),
    });
    const inline = await detectWells([folder], options(`${out}-inline`));
    const threads = await detectWells([folder], options(out, { workerFile: pathToFileURL(worker) }));
    expect({ ...threads, out: "" }).toEqual({ ...inline, out: "" });
    for (const name of ["colonies.csv", "E1_t0/mask.png", "E1_t0/overlay.png", "images/Unlabelled/E1_t0_1.png"])
      expect(readFileSync(join(out, name)).equals(readFileSync(join(`${out}-inline`, name))), name).toBe(true);
  });

  test("what cannot be begun with says so", async () => {
    const { folder, out } = wells({ "a.txt": new Uint8Array(1) });
    await expect(detectWells([folder], options(out))).rejects.toThrow(/there are no images in this folder/);
    await expect(detectWells([join(folder, "b.png")], options(out))).rejects.toThrow(/b\.png: there is no such file/);
    const bad = options(out, { detect: { ...detectDefaults, entropyRadius: 99 } });
    await expect(detectWells([folder], bad)).rejects.toThrow(/radius of the entropy is 99/);
  });
});
