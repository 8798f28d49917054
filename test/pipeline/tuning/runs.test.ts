import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChoiceRecord } from "../../../engine/index.js";
import { readSafetensors, toFloat32 } from "../../../models/index.js";
import { resumeRun, trainRun } from "../../../pipeline/run/index.js";
import type { RunProgress, TuneMode } from "../../../pipeline/run/types.js";
import { ChoiceStore } from "../../../pipeline/tuning/store.js";
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
  const store = new ChoiceStore((await testDevice()).info);
  const portable = Object.keys(choices).filter((key) => /^conv2d-(forward|backward-input|backward-weight) /.test(key));
  expect(portable.length).toBeGreaterThan(0);
  store.save(
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
  rmSync(store.file);
  await resumeRun(run("stopped"), { yes: true, log: new KeptLog(), signal: new AbortController().signal });
  expect(weightsOf(run("stopped"))).toEqual(weightsOf(run("tuned")));
  expect(metricsOf(run("stopped"))).toEqual(metricsOf(run("tuned")));
});

test("a damaged cache is reported, and the run uses the defaults", async () => {
  const store = new ChoiceStore((await testDevice()).info);
  store.save({});
  writeFileSync(store.file, "broken");
  const log = new KeptLog();
  await train("damaged", "cached", log);
  expect(log.warnings.join()).toContain(store.file);
  expect(weightsOf(run("damaged"))).toEqual(weightsOf(run("off")));
  rmSync(store.file);
});

test("a full tuning times what is unknown, keeps it, and the run uses it", async () => {
  const labels = new Set<string>();
  await train("full", "full", new KeptLog(({ label }) => labels.add(label)));
  expect(labels).toContain("timing kernels");
  const store = new ChoiceStore((await testDevice()).info);
  const kept = store.load((problem) => expect.fail(problem));
  expect(Object.keys(kept).length).toBeGreaterThan(10);
  expect(choicesOf("full")).toMatchObject(kept);

  const report = await tuneForConfig({ config, classes: 4, log: new KeptLog(), signal: new AbortController().signal });
  expect(report.file).toBe(store.file);
  const timed = report.tuned.filter(({ seconds }) => Object.keys(seconds).length > 1);
  expect(timed.length).toBeGreaterThan(5);
  for (const { seconds, flops } of timed) {
    expect(flops).toBeGreaterThan(0);
    for (const time of Object.values(seconds)) expect(time).toBeGreaterThan(0);
  }
});
