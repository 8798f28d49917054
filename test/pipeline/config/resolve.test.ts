import { describe, expect, test } from "vitest";
import { namedConfigs } from "../../../pipeline/config/named.js";
import { type ConfigRequest, resolveConfig } from "../../../pipeline/config/resolve.js";
import { presetNames, recipeNames } from "../../../pipeline/config/schema.js";
import { parseConfig } from "../../../pipeline/config/stored.js";
import { file } from "./support.js";

describe("layers", () => {
  test("every name, preset and recipe resolves to a legal configuration", () => {
    for (const config of Object.keys(namedConfigs)) {
      for (const preset of presetNames) {
        for (const recipe of recipeNames)
          expect(resolveConfig({ config, preset, recipe })).toMatchObject({ config, preset, recipe });
      }
    }
  });

  test("presets set the sizes of the article's tables", () => {
    expect(resolveConfig({ preset: "tiny" })).toMatchObject({
      width: 0.125,
      batch: 16,
      patch: { size: 64, smallSize: null },
    });
    expect(resolveConfig({ preset: "small" })).toMatchObject({
      width: 0.25,
      batch: 32,
      patch: { size: 64, smallSize: null },
    });
    const full = resolveConfig({ preset: "full" });
    expect(full).toMatchObject({ width: 1, batch: 32, patch: { size: 128, smallSize: null } });
    expect([full.pretrain.epochs, full.train.epochs]).toEqual([200, 200]);
    const scales = (preset: string) => resolveConfig({ config: "ms-ipb-vgg", preset }).patch;
    expect(scales("tiny")).toMatchObject({ size: 128, smallSize: 64 });
    expect(scales("small")).toMatchObject({ size: 128, smallSize: 64 });
    expect(scales("full")).toMatchObject({ size: 224, smallSize: 112 });
  });

  test("recipe paper follows the text", () => {
    const config = resolveConfig({ preset: "full", recipe: "paper" });
    expect(config.data.folds).toBe(10);
    expect(config.augment).toMatchObject({
      order: "text",
      labelled: "full",
      flipProbability: 0.25,
      rotateMode: "bilinear-reflect",
    });
    expect(config.train.optimizer).toMatchObject({ name: "sgd", momentum: 0.9, weightDecay: 1e-4, noDecay: [] });
    expect(config.train).toMatchObject({
      teacherLr: 0.005,
      studentLr: 0.005,
      studentWarmup: "5%",
      cosineRiseAgain: false,
    });
    expect(config.pretrain).toMatchObject({ lr: 0.005, lrDropAt: "50%", lrDropFactor: 0.1, rebuildOptimizerAt: null });
    expect(config.meta).toMatchObject({
      threshold: 0.65,
      studentMask: true,
      lambdaU: 8,
      udaSteps: 5000,
      rampOffset: 1,
    });
    expect(config.meta).toMatchObject({
      studentSupervised: false,
      feedbackBaseline: null,
      feedbackBn: "mixed",
      minClassCount: 1,
    });
  });

  test("recipe reference-code follows the code", () => {
    const config = resolveConfig({ preset: "full", recipe: "reference-code" });
    expect(config.data.folds).toBe(5);
    expect(config.augment).toMatchObject({
      order: "code",
      labelled: "flips",
      flipProbability: 0.5,
      rotateMode: "nearest-zero",
    });
    expect(config.augment).toMatchObject({ toneTogether: true, brightness: 0.5, contrast: 0.75, blurSigma: [0.1, 2] });
    expect(config.train.optimizer).toMatchObject({ name: "adam", noDecay: ["bn"] });
    expect(config.train).toMatchObject({ studentLr: 0.005, studentWarmup: 0, cosineRiseAgain: true });
    expect(config.pretrain.optimizer).toMatchObject({ name: "sgd", noDecay: [] });
    expect(config.pretrain.rebuildOptimizerAt).toBe("50%");
    expect(config.meta).toMatchObject({ threshold: 0.5, studentMask: false, rampOffset: 2, extraStudentForward: true });
    expect(config.meta).toMatchObject({
      studentSupervised: false,
      feedbackBaseline: null,
      feedbackBn: "mixed",
      minClassCount: 1,
    });
  });

  test("recipe small-data is what the study recommends", () => {
    const config = resolveConfig({ preset: "full", recipe: "small-data" });
    expect(config.train.teacherLr).toBeCloseTo(config.train.studentLr / 10, 12);
    expect(config.meta).toMatchObject({
      lambdaU: 1,
      udaSteps: "50%",
      threshold: 0.65,
      studentSupervised: true,
      feedbackBn: "same",
    });
    expect(config.meta.feedbackBaseline).toBeGreaterThan(0);
    expect(config.meta.minClassCount).toBe("1%");
    expect([config.pretrain.schedule, config.train.schedule, config.finetune.schedule]).toEqual([
      "cosine",
      "cosine",
      "cosine",
    ]);
    expect(config.finetune.enabled).toBe(true);
  });

  test("named configurations differ in what their names say", () => {
    const shape = (config: string) => {
      const { method, model, meta, data } = resolveConfig({ config });
      return [method, model, meta.balance, data.useMultiLabel];
    };
    expect(shape("vgg19").slice(0, 2)).toEqual(["supervised", "vgg19"]);
    expect(shape("ipb-vgg")).toEqual(["meta-pseudo-labels", "vgg19", true, false]);
    expect(shape("ms-ipb-vgg")).toEqual(["meta-pseudo-labels", "ms-vgg19", true, false]);
    expect(shape("ml-ipb-vgg")).toEqual(["meta-pseudo-labels", "vgg19", true, true]);
    expect(shape("ml-ms-ipb-vgg")).toEqual(["meta-pseudo-labels", "ms-vgg19", true, true]);
    expect(shape("hrnet").slice(0, 2)).toEqual(["supervised", "hrnet-small-v1"]);
    expect(shape("ms-hrnet").slice(0, 2)).toEqual(["supervised", "ms-hrnet-small-v1"]);
    expect(shape("ms-ipb-hrnet")).toEqual(["meta-pseudo-labels", "ms-hrnet-small-v1", true, false]);
    expect(shape("ml-ipb-hrnet")).toEqual(["meta-pseudo-labels", "hrnet-small-v1", true, true]);
    expect(shape("ml-ms-ipb-hrnet")).toEqual(["meta-pseudo-labels", "ms-hrnet-small-v1", true, true]);
    expect(shape("mpl-imbalanced")).toEqual(["meta-pseudo-labels", "hrnet-small-v1", false, false]);
  });

  test("HRNet is w18 at full size and small-v1 below, unless a later source says otherwise", () => {
    const model = (preset: string, ...set: string[]) => resolveConfig({ config: "ms-hrnet", preset, set }).model;
    expect(["tiny", "small", "full"].map((preset) => model(preset))).toEqual([
      "ms-hrnet-small-v1",
      "ms-hrnet-small-v1",
      "ms-hrnet-w18",
    ]);
    expect(model("tiny", "model=ms-hrnet-w18")).toBe("ms-hrnet-w18");
    expect(resolveConfig({ config: file("full.yaml", "extends: ml-ipb-hrnet\npreset: full\n") }).model).toBe(
      "hrnet-w18",
    );
    const chosen = file("chosen.yaml", "extends: hrnet\npreset: full\nmodel: hrnet-small-v1\n");
    expect(resolveConfig({ config: chosen }).model).toBe("hrnet-small-v1");
  });

  test("mpl-balanced with vgg19 is ipb-vgg but for the name, under every preset and recipe", () => {
    for (const preset of presetNames) {
      for (const recipe of recipeNames) {
        const mpl = resolveConfig({ config: "mpl-balanced", preset, recipe, set: ["model=vgg19"] });
        expect(mpl.config).toBe("mpl-balanced");
        expect({ ...mpl, config: "ipb-vgg" }).toEqual(resolveConfig({ config: "ipb-vgg", preset, recipe }));
      }
    }
  });

  test("later sources win: recipe, preset, named, extended file, file, flags, set", () => {
    file(
      "base.yaml",
      "extends: ms-ipb-vgg\nrecipe: reference-code\nbatch: 4\nlogEvery: 4\nseed: 4\nmeta:\n  threshold: 0.4\n",
    );
    const top = file("top.yaml", "extends: base.yaml\npreset: full\nlogEvery: 5\nseed: 5\nmeta:\n  lambdaU: 5\n");
    const config = resolveConfig({ config: top, seed: 6, fold: 3, set: ["data.fold=2", "meta.temperature=2"] });
    expect(config).toMatchObject({ config: "top", preset: "full", recipe: "reference-code", model: "ms-vgg19" });
    expect([config.batch, config.logEvery, config.seed, config.data.fold]).toEqual([4, 5, 6, 2]);
    expect(config.meta).toMatchObject({ threshold: 0.4, lambdaU: 5, temperature: 2, studentMask: false });
    expect(config.width).toBe(1);
    expect(resolveConfig({ config: top, preset: "tiny", recipe: "paper" })).toMatchObject({
      width: 0.125,
      batch: 4,
      recipe: "paper",
    });
  });

  test("lists replace, groups merge, and resolving changes no default", () => {
    const before = resolveConfig();
    const changed = resolveConfig({
      set: ["data.unlabelled=[A, B]", "augment={flipProbability: 1}", "meta.udaSteps='10 epochs'"],
    });
    expect(changed.data.unlabelled).toEqual(["A", "B"]);
    expect(changed.augment).toEqual({ ...before.augment, flipProbability: 1 });
    expect(changed.meta.udaSteps).toBe("10 epochs");
    changed.data.multiLabel.push("C");
    changed.train.optimizer.noDecay.push("x");
    expect(resolveConfig()).toEqual(before);
  });

  test("an empty file, or a group without options, changes nothing but the name", () => {
    const expected = { ...resolveConfig(), config: "empty" };
    expect(resolveConfig({ config: file("empty.yaml", "") })).toEqual(expected);
    expect(resolveConfig({ config: file("empty.yml", "# nothing\nmeta:\n") })).toEqual(expected);
  });
});

describe("the least number of steps", () => {
  const minima = (request: ConfigRequest) => {
    const { pretrain, train, finetune } = resolveConfig(request);
    return [pretrain.minSteps, train.minSteps, finetune.minSteps];
  };
  test("is the recipe's, but of phases whose epochs are given", () => {
    expect(minima({})).toEqual([1000, 1000, 150]);
    expect(minima({ recipe: "paper" })).toEqual([null, null, null]);
    expect(minima({ recipe: "reference-code" })).toEqual([null, null, null]);
    expect(minima({ set: ["pretrain.epochs=5"] })).toEqual([null, 1000, 150]);
    expect(minima({ set: ["pretrain.epochs=5", "pretrain.minSteps=20"] })).toEqual([20, 1000, 150]);
    expect(minima({ config: file("short.yaml", "train: {epochs: 5}\nfinetune: {epochs: 1}\n") })).toEqual([
      1000,
      null,
      null,
    ]);
  });
  test("is none in runs of versions that did not have it", () => {
    const { minSteps: _, ...pretrain } = resolveConfig().pretrain;
    expect(parseConfig({ ...resolveConfig(), pretrain }, "run/config.json").pretrain.minSteps).toBeNull();
  });
});
