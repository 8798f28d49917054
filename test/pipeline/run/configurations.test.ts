import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RawTensor, readSafetensors } from "../../../models/index.js";
import type { ConfigRequest } from "../../../pipeline/config/resolve.js";
import { type RunResult, trainRun } from "../../../pipeline/run/index.js";
import { expectClose } from "../../support/numeric.js";
import { classes, temporaryFolder, writeImages } from "./images.js";
import { KeptLog, metricsOf, quickConfig, sha256, weightsOf } from "./support.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder.path, ...parts);
afterAll(folder.remove);
beforeAll(() => {
  writeImages(at("data"));
  writeImages(at("several"), { multiLabel: 6 });
  writeImages(at("own"), { counts: [6, 6, 6, 6], unlabelled: 9, multiLabel: 3 });
});

interface Run {
  result: RunResult;
  counts: { L: number[]; validation: number[]; U: number[] | null; T: number[] };
  dataset: { unlabelled: number; multiLabel: number };
  log: KeptLog;
}

async function run(out: string, data: string, request: ConfigRequest): Promise<Run> {
  const log = new KeptLog();
  const { signal } = new AbortController();
  const result = await trainRun({
    config: quickConfig(request),
    dataRoot: at(data),
    out: at(out),
    yes: false,
    log,
    signal,
  });
  const { dataset } = JSON.parse(readFileSync(at(out, "environment.json"), "utf8"));
  return { result, counts: dataset.counts, dataset, log };
}

/** Settings of a run that is only to come to its end. */
const shortest = [
  "pretrain.maxSteps=2",
  "train.epochs=1",
  "train.stepsPerEpoch=2",
  "finetune.maxSteps=1",
  "logEvery=1",
];
const total = (counts: readonly number[]) => counts.reduce((a, b) => a + b);

describe("named configurations", () => {
  test("mpl-balanced is ipb-vgg, bit for bit; mpl-imbalanced is not", async () => {
    for (const config of ["ipb-vgg", "mpl-balanced", "mpl-imbalanced"]) {
      await run(config, "data", { config, set: [...shortest, "model=vgg19", "train.studentWarmup=0"] });
    }
    expect(weightsOf(at("mpl-balanced"))).toEqual(weightsOf(at("ipb-vgg")));
    expect(metricsOf(at("mpl-balanced"))).toEqual(metricsOf(at("ipb-vgg")));
    expect(weightsOf(at("mpl-imbalanced")).student).not.toBe(weightsOf(at("ipb-vgg")).student);
  });

  test.each(["ms-ipb-vgg", "ml-ipb-vgg", "ml-ms-ipb-vgg", "ml-ipb-hrnet", "ml-ms-ipb-hrnet"])(
    "%s comes to its end",
    async (config) => {
      const { result, counts, dataset } = await run(config, "several", { config, set: shortest });
      expect(metricsOf(at(config)).filter(({ kind }) => kind === "step")).toHaveLength(2);
      expect(result.student.n).toBe(17);
      const known = { L: total(counts.L), validation: total(counts.validation), T: total(counts.T) };
      expect(known).toEqual({ L: 10, validation: 4, T: 17 });
      // Multi-label images are in U, and there only, in the ML configurations only.
      const several = config.startsWith("ml-") ? 6 : 0;
      expect(dataset).toMatchObject({ multiLabel: several, unlabelled: 37 + several });
      expect(counts.U === null).toBe(several > 0);
      const names = [...readSafetensors(readFileSync(at(config, "weights/student.safetensors"))).keys()];
      expect(names.some((name) => /^features_256\.|_small\./.test(name))).toBe(config.includes("ms-"));
    },
  );

  test.each(["reference-code", "small-data"])("the recipe %s comes to its end", async (recipe) => {
    const { result } = await run(recipe, "data", { recipe, set: [...shortest, "data.folds=4"] });
    expect(result.student.n).toBe(17);
    const step = metricsOf(at(recipe)).find(({ kind }) => kind === "step");
    const { lambdaU, rampOffset } = quickConfig({ recipe }).meta;
    // The ramp of the tiny preset is half of the two steps.
    expect(step?.udaWeight).toBe(Math.min(lambdaU, lambdaU * rampOffset));
  });

  test("one's own folders: every label is used, U is the unlabelled folder", async () => {
    const { counts, dataset } = await run("own-run", "own", { set: shortest });
    expect(total(counts.L) + total(counts.validation) + total(counts.T)).toBe(24);
    expect(dataset).toMatchObject({ unlabelled: 9, multiLabel: 0 });
    expect(counts.U).toBeNull();
    const epoch = metricsOf(at("own-run")).find(({ kind }) => kind === "epoch");
    expect(total(epoch?.pseudoCounts as number[])).toBe(9);
    expect(epoch).not.toHaveProperty("pseudoTrueCounts");
  });

  test("vgg19 trains one network, on L or on L and U, and tests it on the same images", async () => {
    const config = "vgg19";
    const few = await run("few", "data", { config, set: shortest });
    const all = await run("all", "data", { config, set: [...shortest, "data.supervisedOn=L+U"] });
    for (const { result } of [few, all]) expect(result.teacher).toBeNull();
    expect(total(few.counts.L)).toBe(10);
    expect(all.counts.L).toEqual(few.counts.L.map((n, c) => n + few.counts.U![c]!));
    expect(all.dataset.unlabelled).toBe(0);
    expect([all.counts.validation, all.counts.T]).toEqual([few.counts.validation, few.counts.T]);
    const files = ["few", "all"].map((name) => readFileSync(at(name, "predictions.csv"), "utf8"));
    const tested = files.map((text) => text.split("\r\n").map((line) => line.split(",").at(0)));
    expect(tested[1]).toEqual(tested[0]);
    expect(() => sha256(at("few/weights/teacher.safetensors"))).toThrow("no such file");
    expect(metricsOf(at("few")).map(({ kind }) => kind)).toEqual([
      "pretrain-step",
      "pretrain-step",
      "pretrain-epoch",
      "finetune-step",
      "finetune-epoch",
    ]);
  });
});

describe("the best student", () => {
  /** A student that gets worse in its second epoch; nothing depends on the number of epochs. */
  const worse = ["train.studentLr=0.05", "train.schedule=constant", "train.studentWarmup=0", "meta.udaSteps=10"];
  const student = (name: string) => readSafetensors(readFileSync(at(name, "weights/student.safetensors")));
  const values = ({ data }: RawTensor) => Array.from(data, Number);
  const isStatistic = (name: string) => /running_|num_batches/.test(name);

  beforeAll(async () => {
    const without = [...worse, "finetune.enabled=false"];
    const { result } = await run("two", "data", { set: without });
    expect(result.bestEpoch).toBe(0);
    expect(result.finetuned).toBe(false);
    await run("one", "data", { set: [...without, "train.epochs=1"] });
  });

  test("is kept with its weights and statistics, and tested", () => {
    const [two, one] = [weightsOf(at("two")), weightsOf(at("one"))];
    expect(two.student).toBe(one.student);
    expect(two.teacher).not.toBe(one.teacher);
    expect(sha256(at("two/predictions.csv"))).toBe(sha256(at("one/predictions.csv")));
  });

  test("is where fine-tuning starts from", async () => {
    // Steps that change no float32 but 0: what is left of fine-tuning are the statistics.
    const { result } = await run("tuned", "data", { set: [...worse, "finetune.lr=1.0e-30", "finetune.maxSteps=1"] });
    expect([result.bestEpoch, result.finetuned]).toEqual([0, true]);
    const [best, tuned] = [student("two"), student("tuned")];
    for (const [name, tensor] of best) {
      if (isStatistic(name)) expect(values(tuned.get(name)!), name).not.toEqual(values(tensor));
      else expectClose(values(tuned.get(name)!), values(tensor), { atol: 1e-25 }, name);
    }
  });

  test("is that of the supervised method too", async () => {
    const set = ["pretrain.lr=0.05", "pretrain.lrDropAt=null", "finetune.enabled=false"];
    const { result } = await run("supervised", "data", { config: "vgg19", set });
    const epochs = metricsOf(at("supervised")).filter(({ kind }) => kind === "pretrain-epoch");
    const found = epochs.map(({ validation }) => validation as { balancedAccuracy: number; loss: number });
    const [a, b] = found as [(typeof found)[0], (typeof found)[0]];
    const later =
      b.balancedAccuracy > a.balancedAccuracy || (b.balancedAccuracy === a.balancedAccuracy && b.loss < a.loss);
    expect(result.bestEpoch).toBe(Number(later));
  });
});

test("the result names classes, chance and the majority's answer", async () => {
  const { result } = await run("facts", "own", { config: "vgg19", set: shortest });
  expect(result).toMatchObject({ classes, chance: 0.25, majority: 0.25, finetuned: true });
  rmSync(at("facts"), { recursive: true });
});
