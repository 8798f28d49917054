import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChoiceRecord } from "../../../engine/index.js";
import { readSafetensors, toFloat32 } from "../../../models/index.js";
import { resumeRun, trainRun } from "../../../pipeline/run/index.js";
import type { RunProgress, TuneMode } from "../../../pipeline/run/types.js";
import type { ChoiceStore } from "../../../pipeline/tuning/choiceStore.js";
import { openChoices } from "../../../pipeline/tuning/store.js";
import { tuneForConfig } from "../../../pipeline/tuning/tuneRun.js";
import { testDevice } from "../../support/device.js";
import { temporaryFolder, writeImages } from "../run/images.js";
import { KeptLog, metricsOf, quickConfig, weightsOf } from "../run/support.js";

const folder = temporaryFolder();
const data = join(folder.path, "data");
const cache = process.env.EQUIPOISE_CACHE;
const config = quickConfig({ set: ["pretrain.epochs=1", "train.epochs=1", "finetune.epochs=0", "dropout=0"] });

beforeAll(() => {
  process.env.EQUIPOISE_CACHE = join(folder.path, "cache");
  return writeImages(data);
});
afterAll(async () => {
  if (cache === undefined) delete process.env.EQUIPOISE_CACHE;
  else process.env.EQUIPOISE_CACHE = cache;
  await folder.remove();
});

const run = (name: string) => join(folder.path, name);
const choicesOf = (name: string) => JSON.parse(readFileSync(join(run(name), "tuning.json"), "utf8")) as ChoiceRecord;

async function train(name: string, tune: TuneMode, log = new KeptLog(), signal = new AbortController().signal) {
  await trainRun({ config, dataRoot: data, out: run(name), yes: true, tune, log, signal });
}

/** Makes the portable kernels the tuned ones of this adapter. */
async function storePortable(choices: ChoiceRecord): Promise<ChoiceStore> {
  const store = await openChoices((await testDevice()).info);
  const portable = Object.keys(choices).filter((key) => /^conv2d-(forward|backward-input|backward-weight) /.test(key));
  expect(portable.length).toBeGreaterThan(0);
  await store.save(
    Object.fromEntries(portable.map((key) => [key, key.includes("weight") ? "register-8x8" : "register-4x8"])),
  );
  return store;
}

test("a tuned run differs from an untuned one in rounding only, repeats bitwise, and is resumed with its own choices", async () => {
  await train("off", "off");
  const store = await storePortable(choicesOf("off"));
  await train("tuned", "cached");
  expect(Object.values(choicesOf("tuned"))).toContain("register-4x8");
  expect(weightsOf(run("tuned"))).not.toEqual(weightsOf(run("off")));
  const weights = (name: string) => {
    const file = join(run(name), "weights", "student.safetensors");
    return readSafetensors(readFileSync(file), file);
  };
  for (const [name, tensor] of weights("tuned")) {
    const [a, b] = [tensor, weights("off").get(name)!].map(toFloat32) as [Float32Array, Float32Array];
    const scale = Math.max(1e-3, ...b.map(Math.abs));
    expect(Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number)))) / scale, name).toBeLessThan(1e-2);
  }

  await train("again", "cached");
  expect(weightsOf(run("again"))).toEqual(weightsOf(run("tuned")));

  const stop = new AbortController();
  const onProgress = ({ label, done }: RunProgress) => {
    if (label.startsWith("epoch") && done >= 1) stop.abort(new Error("stopped here"));
  };
  await expect(train("stopped", "cached", new KeptLog(onProgress), stop.signal)).rejects.toThrow("stopped here");
  expect(existsSync(join(run("stopped"), "checkpoint", "checkpoint.safetensors"))).toBe(true);
  rmSync(store.place);
  await resumeRun(run("stopped"), { yes: true, log: new KeptLog(), signal: new AbortController().signal });
  expect(weightsOf(run("stopped"))).toEqual(weightsOf(run("tuned")));
  expect(metricsOf(run("stopped"))).toEqual(metricsOf(run("tuned")));
});

test("a damaged cache is reported, and the run uses the defaults", async () => {
  const store = await openChoices((await testDevice()).info);
  await store.save({});
  writeFileSync(store.place, "broken");
  const log = new KeptLog();
  await train("damaged", "cached", log);
  expect(log.warnings.join()).toContain(store.place);
  expect(weightsOf(run("damaged"))).toEqual(weightsOf(run("off")));
  rmSync(store.place);
});

test("a full tuning times what is unknown alone, keeps it, and the run uses it", async () => {
  const store = await openChoices((await testDevice()).info);
  const isUnknown = (key: string) => key.startsWith("gemm-tn") || key.startsWith("conv2d-first");
  const known = Object.entries(choicesOf("off")).filter(([key]) => !isUnknown(key));
  await store.save(Object.fromEntries(known));
  const timed = new Set<string>();
  const log = new KeptLog(({ label, note }) => label === "timing kernels" && timed.add(note ?? ""));
  await train("full", "full", log);
  timed.delete("");
  expect(timed.size).toBeGreaterThan(1);
  expect([...timed].filter((key) => !isUnknown(key))).toEqual([]);
  const kept = await store.load((problem) => expect.fail(problem));
  expect(Object.keys(kept)).toEqual(expect.arrayContaining([...timed]));
  expect(choicesOf("full")).toMatchObject(kept);
});

test("tuning for a configuration times every shape that has several kernels", async () => {
  const set = ["width=0.0625", "batch=2", "patch.size=64"];
  const small = quickConfig({ config: "vgg19", set });
  const options = { config: small, classes: 2, log: new KeptLog(), signal: new AbortController().signal };
  const { file, tuned } = await tuneForConfig(options);
  const store = await openChoices((await testDevice()).info);
  expect(Object.keys(await store.load((p) => expect.fail(p)))).toEqual(
    expect.arrayContaining(tuned.map(({ key }) => key)),
  );
  expect(existsSync(file)).toBe(true);
  const timed = tuned.filter(({ seconds }) => Object.keys(seconds).length > 0);
  expect(timed.length).toBeGreaterThan(10);
  for (const { variant, preferred, seconds, flops } of timed) {
    expect(flops).toBeGreaterThan(0);
    expect(seconds[variant]).toBeGreaterThan(0);
    if (variant !== preferred) expect(seconds[variant]).toBeLessThan(seconds[preferred] ?? Number.POSITIVE_INFINITY);
  }
});
