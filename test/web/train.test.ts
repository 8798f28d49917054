import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { unzipSync, zipSync } from "fflate";
import { afterAll, describe, expect, test } from "vitest";
import { lossSeries, parseLine, ticks } from "../../demo/web/train/metrics.js";
import { Speed } from "../../demo/web/train/speed.js";
import { openRunZip, packRun, runZip } from "../../demo/web/worker/train/archive.js";
import type { TrainChoice } from "../../demo/web/worker/train/choice.js";
import { pageConfig } from "../../demo/web/worker/train/config.js";
import { classNameProblem, type LabelledSet, pageData } from "../../demo/web/worker/train/images.js";
import { syntheticSet } from "../../demo/web/worker/train/synthetic.js";
import { PatchLoader } from "../../pipeline/data/loader.js";
import { memoryPatches } from "../../pipeline/data/memory.js";
import { scanDataset } from "../../pipeline/data/scan.js";
import { splitDataset } from "../../pipeline/data/split.js";
import { synthesiseImage } from "../../pipeline/synth/compose.js";
import { synthParameters } from "../../pipeline/synth/parameters.js";
import { planSet } from "../../pipeline/synth/plan.js";
import { TestFolder } from "../pipeline/data/folders.js";

const folders = new TestFolder();
afterAll(() => folders.remove());

let drawn: Promise<LabelledSet> | null = null;
/** A small part of the example; one image in three without a label. */
async function someImages(): Promise<LabelledSet> {
  drawn ??= syntheticSet(() => {}, { Debris: 5, Dense: 5, Diff: 5, Spread: 5 });
  const set = await drawn;
  return { ...set, labels: set.labels.map((label, i) => (i % 3 === 0 ? null : label)) };
}

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const choice: TrainChoice = { method: "ipb", network: "vgg-compact", length: "normal", more: "" };

describe("images of a run in the page", () => {
  test("become the folder that the commands scan to the same data set and the same parts", async () => {
    const page = pageData(await someImages());
    const root = folders.make({});
    const files = unzipSync(runZip(new Map([["config.json", text({})]]), page));
    for (const [name, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), bytes);
    }
    const scanned = await scanDataset(join(root, "data"));
    const plain = ({ images, classes }: typeof scanned) => ({
      classes,
      images: images.map(({ id, part, label, mask }) => ({ id, part, label, hasMask: mask !== null })),
    });
    expect(plain(scanned)).toEqual(plain(page.dataset));
    const options = { seed: 3, testFraction: 0.2 };
    expect(splitDataset(scanned, options)).toMatchObject({
      ...splitDataset(page.dataset, options),
      warnings: expect.any(Array),
    });
    await samePatches(scanned.images, page);
  });

  test("come out of the ZIP file as they went in, at the same places", async () => {
    const page = pageData(await someImages());
    const { set, files } = await openRunZip(runZip(new Map([["config.json", text({ a: 1 })]]), page), "run.zip");
    expect([...files.keys()]).toEqual(["config.json"]);
    const again = pageData(set as LabelledSet);
    expect(again.dataset).toEqual(page.dataset);
    expect(again.images.map(({ image, mask }) => [image, mask])).toEqual(
      page.images.map(({ image, mask }) => [image, mask]),
    );
  });

  test("of a folder of the command are those that it trains on, in both layouts, without those of several classes", async () => {
    const page = pageData(await someImages());
    const zip = unzipSync(runZip(new Map(), page));
    const pictures = Object.entries(zip).filter(([name]) => name.startsWith("data/images/"));
    const several = { "MultiLabel/a.png": pictures[0]?.[1], "MultiLabel/b.png": pictures[1]?.[1] };
    const below = (folder: string, files: object) =>
      Object.fromEntries(Object.entries(files).map(([name, bytes]) => [folder + name, bytes as Uint8Array]));
    const plain = Object.fromEntries(pictures.map(([name, bytes]) => [name.slice("data/images/".length), bytes]));
    const options = { seed: 3, testFraction: 0.2 };
    for (const files of [below("data/images/", several), below("data/", several)]) {
      const whole = "data/MultiLabel/a.png" in files ? { ...files, ...below("data/", plain) } : { ...files, ...zip };
      const root = folders.make(whole);
      const scanned = await scanDataset(join(root, "data"));
      const packed = zipSync(below("run/", { ...whole, "config.json": text({}), "data/.DS_Store": text(0) }));
      const { set } = await openRunZip(packed, "run.zip");
      const { dataset } = pageData(set as LabelledSet);
      const parts = (data: typeof scanned) => {
        const { L, U, T } = splitDataset(data, options);
        return [L, U, T].map((part) => part.map((i) => data.images[i]?.id));
      };
      expect(parts(dataset)).toEqual(parts(scanned));
      const masks = (data: typeof scanned) =>
        data.images.filter(({ part }) => part !== "multi-label").map(({ id, mask }) => [id, mask !== null]);
      expect(masks(dataset)).toEqual(masks(scanned));
    }
  });

  test("are packed with the report; where none can be made without it, and it is said", async () => {
    const run = { store: { all: async () => new Map([["config.json", text({ a: 1 })]]) }, set: await someImages() };
    const said: string[] = [];
    const packed = async (reportHtml: () => Promise<string>) =>
      unzipSync(await packRun(run, reportHtml, (text) => said.push(text)));
    const whole = await packed(async () => "<h1>Report</h1>");
    expect(new TextDecoder().decode(whole["report.html"])).toBe("<h1>Report</h1>");
    expect(said).toEqual([]);
    const { "report.html": report, ...rest } = whole;
    const without = await packed(() => Promise.reject(new Error("metrics.jsonl is damaged")));
    expect(without).toEqual(rest);
    expect(said).toEqual([
      'The ZIP file has no report (metrics.jsonl is damaged): "equipoise report" makes it from the unpacked folder.',
    ]);
  });

  test("refuse what is no archive, or holds no run", async () => {
    await expect(openRunZip(new Uint8Array(50), "x.zip")).rejects.toThrow(/^x\.zip: is no ZIP file/);
    const empty = runZip(new Map(), pageData(await someImages()));
    await expect(openRunZip(empty, "x.zip")).rejects.toThrow("x.zip: holds no run (no config.json)");
    // A file that says of itself that it unpacks to 3 GB: its directory has the size 24 bytes behind "PK\x01\x02".
    const bomb = runZip(new Map([["config.json", text({})]]), pageData(await someImages()));
    const entry = Buffer.from(bomb).indexOf("PK\x01\x02");
    new DataView(bomb.buffer).setUint32(entry + 24, 3e9, true);
    await expect(openRunZip(bomb, "x.zip")).rejects.toThrow("x.zip: unpacks to more than the 2.0 GB that a page opens");
  });

  test("need two classes, with names that folders can have", async () => {
    const set = await someImages();
    expect(() => pageData({ ...set, labels: set.labels.map(() => null) })).toThrow("no image has a class");
    expect(() => pageData({ ...set, labels: set.labels.map(() => "Dense") })).toThrow('only "Dense" has images');
    for (const name of ["", " ", "a/b", "..", "Unlabelled", "<script>", "x".repeat(61)])
      expect(classNameProblem(name), name).not.toBeNull();
    for (const name of ["Dense", "dead cells", "Über 9"]) expect(classNameProblem(name)).toBeNull();
  });
});

/** Patches from memory are those from files, whatever is asked for. */
async function samePatches(files: { file: string; mask: string | null }[], page: ReturnType<typeof pageData>) {
  const options = { size: 64, minForeground: 0.25, tries: 2, cacheBytes: 1e7, seed: 5 };
  const loaders = [new PatchLoader(files, { ...options, workers: 0 }), memoryPatches(page.images, options)];
  const all = files.map((_, i) => i);
  const [fromFiles, fromMemory] = await Promise.all(
    loaders.map(async (loader) => [
      await loader.drawBatch([...all, ...all], 4, "train L"),
      await loader.centralBatch(all),
      await loader.tilesBatch(all, 3),
    ]),
  );
  expect(fromMemory).toEqual(fromFiles);
  await Promise.all(loaders.map((loader) => loader.close()));
}

test("the example is what the command synth draws", async () => {
  const { images, labels } = await syntheticSet(() => {}, { Debris: 1, Dense: 0, Diff: 2, Spread: 0 });
  expect(labels).toEqual(["Debris", "Diff", "Diff"]);
  const plan = planSet(synthParameters, "tiny", 7).find(({ name }) => name === "Diff_0002.png");
  const image = plan && synthesiseImage(plan, synthParameters, synthParameters.presets.tiny.scale, 7);
  expect(images[2]?.image.pixels).toEqual(image?.pixels);
  expect(images[2]?.mask?.pixels).toEqual(image?.mask.map((value) => value / 255));
});

describe("options of a training in the page", () => {
  test("every choice is a configuration", () => {
    for (const method of ["ipb", "labels"] as const)
      for (const network of ["vgg-compact", "vgg19"] as const)
        for (const length of ["trial", "short", "normal", "long"] as const) {
          const config = pageConfig({ method, network, length, more: "" });
          expect(config).toMatchObject({ model: network, width: 0.125, recipe: "small-data" });
          expect(config.method).toBe(method === "ipb" ? "meta-pseudo-labels" : "supervised");
        }
  });

  test("further options win, and wrong ones are named", () => {
    const { patch, train, data } = pageConfig({
      ...choice,
      more: "patch.size=32\n train.optimizer.name = adam\n\ndata.groupBy=^w(\\d+)",
    });
    expect([patch.size, train.optimizer.name, data.groupBy]).toEqual([32, "adam", "^w(\\d+)"]);
    const failure = (more: string) => () => pageConfig({ ...choice, more });
    expect(failure("batch=many")).toThrow(/option "batch=many": "batch" must be/);
    expect(failure("bach=4")).toThrow(/did you mean "batch"/);
    expect(failure("batch")).toThrow('option "batch": expected key=value');
    expect(failure("patch.size=33")).toThrow(/"patch.size": vgg-compact takes/);
  });
});

test("speed is that of the last seconds by the worker's clock, however late the page hears of it", () => {
  const speed = new Speed();
  expect(speed.add("pre-training", 0, 1000)).toBeNull();
  expect(speed.add("pre-training", 10, 2000)).toBe(10);
  expect(speed.add("pre-training", 50, 6000)).toBe(10);
  // A freeze of an hour: what was before does not count.
  expect(speed.add("pre-training", 51, 3_600_000)).toBeNull();
  expect(speed.add("pre-training", 53, 3_601_000)).toBe(2);
  expect(speed.add("training", 0, 3_602_000)).toBeNull();
});

test("losses follow each other over the phases", () => {
  const lines = [
    '{"kind":"pretrain-step","step":2,"loss":1.5}',
    '{"kind":"pretrain-step","step":4,"loss":1}',
    '{"kind":"pretrain-epoch","epoch":0,"loss":1.25}',
    '{"kind":"step","step":2,"teacherLoss":0.5,"studentLoss":2}',
    '{"kind":"finetune-step","step":1,"loss":0.25}',
  ].map(parseLine);
  expect(lossSeries(lines, true).map(({ name, points }) => [name, points.map(({ x, y }) => [x, y])])).toEqual([
    [
      "teacher, pre-training",
      [
        [2, 1.5],
        [4, 1],
      ],
    ],
    ["teacher", [[6, 0.5]]],
    ["student", [[6, 2]]],
    ["student, fine-tuning", [[7, 0.25]]],
  ]);
  expect(ticks(1)).toEqual([0, 0.5, 1]);
  expect(ticks(130)).toEqual([0, 50, 100]);
  expect(ticks(0)).toEqual([0]);
});
