import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resolveConfig } from "../../../pipeline/config/resolve.js";
import { phasesOf } from "../../../pipeline/methods.js";
import { contrastiveLength, metaLength, supervisedLength } from "../../../pipeline/run/schedule.js";
import { temporaryFolder, writeImages } from "./images.js";
import { expectResumes, runUntil } from "./runUntil.js";
import { metricsOf, quickConfig } from "./support.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(folder.remove);
beforeAll(() => writeImages(at("data")));

describe("a phase's length", () => {
  const config = (...set: string[]) => resolveConfig({ set: ["batch=10", ...set] });

  test("is given in steps, whatever the number of images and of epochs", () => {
    const given = config("pretrain.steps=70", "pretrain.stepsPerEpoch=20", "train.steps=70", "contrastive.steps=70");
    for (const images of [5, 95, 1000]) {
      expect(supervisedLength(images, 10, given.pretrain)).toEqual({ stepsPerEpoch: 20, totalSteps: 70 });
      const stepsPerEpoch = Math.ceil(images / 10);
      expect(metaLength(images, given)).toEqual({ stepsPerEpoch, totalSteps: 70 });
      expect(contrastiveLength(images, given)).toEqual({ stepsPerEpoch, totalSteps: 70 });
    }
  });

  test("is given in epochs otherwise, and maxSteps cuts both", () => {
    const { pretrain } = config("pretrain.epochs=4");
    expect(supervisedLength(95, 10, pretrain)).toEqual({ stepsPerEpoch: 10, totalSteps: 40 });
    expect(supervisedLength(95, 10, { ...pretrain, stepsPerEpoch: 3 }).totalSteps).toBe(12);
    expect(supervisedLength(95, 10, { ...pretrain, maxSteps: 7 }).totalSteps).toBe(7);
    expect(supervisedLength(95, 10, { ...pretrain, steps: 50, maxSteps: 7 }).totalSteps).toBe(7);
  });

  test("has the least number of steps of its recipe, in whole epochs, unless the epochs are given", () => {
    const { batch, pretrain, train, finetune } = config("pretrain.minSteps=105");
    expect([train.minSteps, finetune.minSteps]).toEqual([1000, 150]);
    expect(supervisedLength(95, batch, { ...pretrain, epochs: 4 }).totalSteps).toBe(110);
    expect(supervisedLength(95, batch, { ...pretrain, epochs: 12 }).totalSteps).toBe(120);
    expect(supervisedLength(95, batch, { ...pretrain, epochs: 4, maxSteps: 7 }).totalSteps).toBe(7);
    expect(supervisedLength(95, batch, { ...pretrain, epochs: 4, steps: 7 }).totalSteps).toBe(7);
    expect(supervisedLength(95, batch, { ...pretrain, epochs: 0 }).totalSteps).toBe(0);
    expect(supervisedLength(35, batch, finetune)).toEqual({ stepsPerEpoch: 4, totalSteps: 152 });
    expect(metaLength(65, config("train.minSteps=20", "train.epochs=2"))).toEqual({ stepsPerEpoch: 7, totalSteps: 21 });
    expect(metaLength(65, config("train.epochs=2"))).toEqual({ stepsPerEpoch: 7, totalSteps: 14 });
  });

  test("of 0 steps is no fine-tuning, and one of some steps is", () => {
    expect(phasesOf(config("finetune.steps=0", "finetune.epochs=5"))).not.toContain("finetune");
    expect(phasesOf(config("finetune.steps=1", "finetune.epochs=0"))).toContain("finetune");
  });
});

test("a run in steps evaluates after each epoch and at its end, and resumes bitwise in its last, shorter epoch", async () => {
  const config = quickConfig({
    config: "vgg19",
    set: ["pretrain.steps=5", "pretrain.stepsPerEpoch=2", "pretrain.balanced=false", "finetune.steps=1"],
  });
  expect(await runUntil(at("data"), at("run"), config)).toMatchObject({ finetuned: true });
  const lines = metricsOf(at("run"));
  const epochs = lines.filter(({ kind }) => kind === "pretrain-epoch");
  expect(epochs).toHaveLength(3);
  for (const { validation } of epochs) expect(validation).toBeDefined();
  expect(lines.findLast(({ kind }) => kind === "pretrain-step")).toMatchObject({ step: 5 });
  await expectResumes(at("data"), at("run"), config, 5 + 1);
});
