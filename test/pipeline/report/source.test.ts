import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeReport } from "../../../pipeline/report/index.js";
import { reportOf } from "../../../pipeline/report/report.js";
import type { ReportSource } from "../../../pipeline/report/source.js";
import { type FakeRunOptions, fakeRun } from "../../support/fakeRun.js";
import { memoryFiles, memoryImages, memoryStore } from "../../support/memoryRun.js";

let parent: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "report-source-"));
});
afterAll(() => rm(parent, { recursive: true }));

let count = 0;
async function make(options: FakeRunOptions = {}): Promise<{ run: string; data: string }> {
  const folder = join(parent, String(count++));
  await mkdir(folder);
  return fakeRun(folder, { pretrainSteps: 60, epochs: 4, stepsPerEpoch: 10, images: true, ...options });
}

/** The same run without its folder. */
async function inMemory(run: string, data: string): Promise<ReportSource> {
  const images = await memoryImages(data);
  return {
    name: "ipb-vgg-seed1",
    place: "this run",
    files: memoryStore(await memoryFiles(run)),
    images: (place) => ({
      place,
      has: (file) => images.has(file),
      read: async (file) => images.get(file) ?? null,
    }),
  };
}

describe("a report from memory", () => {
  it.each<[string, FakeRunOptions]>([
    ["of teacher and student", {}],
    ["at two scales", { multiScale: true }],
    ["of one network", { supervised: true }],
    ["of a run that goes on", { stopAfter: "train" }],
    ["of names that are markup", { classes: ["<b>", `q"uo'te`, "a & b"], counts: [300, 300, 300] }],
  ])("%s is that of the folder, byte for byte", async (_, options) => {
    const { run, data } = await make(options);
    const fromFolder = await readFile(await writeReport(run), "utf8");
    expect(await reportOf(await inMemory(run, data))).toBe(fromFolder);
    expect(fromFolder.match(/<img /g)?.length ?? 0).toBeGreaterThan(options.stopAfter ? -1 : 20);
  });

  it("notes what is missing or broken as that of the folder does", async () => {
    const { run, data } = await make();
    await writeFile(join(run, "result.json"), "{");
    await rm(join(run, "predictions.csv"));
    await appendFile(join(run, "metrics.jsonl"), '{"kind":"step","st');
    const page = await reportOf(await inMemory(run, data));
    expect(page).toBe(await readFile(await writeReport(run), "utf8"));
    expect(page).toContain("predictions.csv is missing: the test images have not been classified yet.");
  });

  it("names the place where there is no run", async () => {
    const files = memoryStore(new Map());
    const none = { name: "x", place: "this page", files, images: () => expect.unreachable() };
    await expect(reportOf(none)).rejects.toThrow(/^this page: no run folder \(no config\.json/);
  });
});

it("reaches no Node module", async () => {
  const { metafile } = await build({
    entryPoints: [resolve(import.meta.dirname, "../../../pipeline/report/report.ts")],
    bundle: true,
    platform: "browser",
    external: [...builtinModules, "node:*"],
    format: "esm",
    metafile: true,
    write: false,
  });
  const reached = Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
    imports.filter(({ external }) => external).map(({ path }) => `${file} -> ${path}`),
  );
  expect(reached).toEqual([]);
});
