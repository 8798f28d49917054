import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseSafetensors } from "../../../models/index.js";
import { evaluateRun, predictRun } from "../../../pipeline/run/index.js";
import { temporaryFolder, writeImages } from "./images.js";
import { expectResumes, runUntil } from "./runUntil.js";
import { KeptLog, metricsOf, quickConfig, weightsOf } from "./support.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(folder.remove);
beforeAll(() => writeImages(at("data"), { counts: [8, 12, 18, 30] }));

const short = ["pretrain.steps=2", "train.stepsPerEpoch=2", "finetune.steps=1", "dropout=0.3", "train.studentLr=0.05"];
const unbalanced = ["meta.balance=false", "meta.labelledBalanced=false", "pretrain.balanced=false"];
const fixmatch = ["method=fixmatch", "fixmatch.threshold=0.3"];
const debiased = ["imbalance.labels=debiased", "imbalance.lossStrength=0.5"];
const simpro = ["imbalance.labels=posterior", "imbalance.lossStrength=1"];
const abc = ["imbalance.abc=true", "imbalance.abcThreshold=0.3"];
const cdmad = ["imbalance.cdmad=true", "imbalance.blankStart=3"];

/** Options by name, whether there is a teacher, and settings. */
const strategies = [
  ["debiased labels and losses, fixmatch", false, [...fixmatch, ...unbalanced, ...debiased]],
  ["posterior labels as SimPro's, a teacher", true, [...unbalanced, ...simpro]],
  ["debiased labels with balancing, a teacher", true, [...debiased, "meta.minClassCount=10"]],
  ["ABC, fixmatch", false, [...fixmatch, ...unbalanced, ...abc]],
  ["ABC, a teacher, two scales", true, [...abc, "model=ms-vgg19", "meta.studentSupervised=true"]],
  ["CDMAD, fixmatch", false, [...fixmatch, ...cdmad]],
  ["CDMAD and ABC, a teacher", true, [...cdmad, ...abc, "ema=0.5"]],
] as const;

describe.each(strategies)("%s", (name, teacher, set) => {
  const config = quickConfig({ set: [...short, ...set] });
  const roles = teacher ? ["student", "teacher"] : ["student"];

  test("trains, says what it believes of the classes, and ends bitwise the same however often it is stopped", async () => {
    const result = await runUntil(at("data"), at(name), config);
    expect(result?.student.n).toBe(17);
    const epochs = metricsOf(at(name)).filter(({ kind }) => kind === "epoch");
    expect(epochs).toHaveLength(2);
    for (const { classPrior, pseudoQuality } of epochs) {
      for (const prior of Object.values(classPrior as Record<string, number[]>)) {
        expect(prior).toHaveLength(4);
        expect(prior.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      }
      expect(pseudoQuality).toMatchObject({ minority: { class: "Dark" } });
    }
    await expectResumes(at("data"), at(name), config, 4, roles, /^training/);
  });

  test("is evaluated and predicts as it was tested, from its weights alone", async () => {
    const log = new KeptLog();
    const again = await evaluateRun(at(name), { log });
    const result = JSON.parse(readFileSync(join(at(name), "result.json"), "utf8"));
    expect(again.student).toEqual(result.student);
    expect(again.teacher).toEqual(result.teacher);
    const out = at(`${name}.csv`);
    expect(await predictRun(at(name), [join(at("data"), "Dark")], { out, log })).toBe(8);
    expect(readFileSync(out, "utf8").split("\n").length).toBeGreaterThan(8);
  });

  test("trains in captured steps as in eager ones", async () => {
    process.env.EQUIPOISE_NO_CAPTURE = "1";
    try {
      await runUntil(at("data"), at(`${name}-eager`), config);
    } finally {
      delete process.env.EQUIPOISE_NO_CAPTURE;
    }
    expect(weightsOf(at(`${name}-eager`), roles)).toEqual(weightsOf(at(name), roles));
    expect(metricsOf(at(`${name}-eager`))).toEqual(metricsOf(at(name)));
  });
});

test("the balanced classifier is part of the weights, and learns", async () => {
  const of = (name: string) => {
    const file = join(at(name), "weights", "student.safetensors");
    return parseSafetensors(readFileSync(file), file).tensors.get("classifier_balanced.weight");
  };
  const config = quickConfig({
    set: [
      ...fixmatch,
      ...abc,
      "pretrain.steps=0",
      "train.epochs=1",
      "train.stepsPerEpoch=1",
      "finetune.enabled=false",
      "train.studentLr=1e-12",
      "train.studentWarmup=0",
    ],
  });
  await runUntil(at("data"), at("untrained"), config);
  expect(of("untrained")?.shape).toEqual([4, 128]);
  expect(of("ABC, fixmatch")?.data).not.toEqual(of("untrained")?.data);
  expect(of("CDMAD, fixmatch")).toBeUndefined();
});
