import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { namedConfigs } from "../../../pipeline/config/named.js";
import { type ConfigRequest, resolveConfig } from "../../../pipeline/config/resolve.js";
import { presetNames, recipeNames } from "../../../pipeline/config/schema.js";
import { parseConfig } from "../../../pipeline/config/stored.js";
import { configToYaml } from "../../../pipeline/config/text.js";

const folder = mkdtempSync(join(tmpdir(), "equipoise-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file into the test's folder and returns its path. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The message of the UserError that a request ends in. */
function refusal(request: ConfigRequest): string {
  try {
    resolveConfig(request);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(request)} was accepted`);
}

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

describe("patch sizes", () => {
  test("follow the model, or the one scale that is given", () => {
    const patch = (...set: string[]) => resolveConfig({ set }).patch;
    expect(patch("patch.size=192")).toMatchObject({ size: 192, smallSize: null });
    expect(patch("model=ms-vgg19")).toMatchObject({ size: 128, smallSize: 64 });
    expect(patch("model=ms-vgg19", "patch.size=254")).toMatchObject({ size: 254, smallSize: 127 });
    expect(patch("model=ms-vgg19", "patch.smallSize=100")).toMatchObject({ size: 200, smallSize: 100 });
    expect(patch("model=hrnet-w18", "patch.size=96")).toMatchObject({ size: 96, smallSize: null });
    expect(patch("model=ms-hrnet-w18", "patch.size=96")).toMatchObject({ size: 96, smallSize: 48 });
  });

  test.each([
    [["patch.size=100"], '"patch.size": vgg19 takes a size that is a multiple of 64, not 100; the nearest is 128'],
    [["patch.size=20"], "the nearest is 64"],
    [["model=ms-vgg19", "patch.size=127"], "an even size from 128 to 254"],
    [["model=ms-vgg19", "patch.size=99"], "the nearest is 128"],
    [["model=ms-vgg19", "patch.size=400"], "not 400; the nearest is 254"],
    [["model=ms-vgg19", "patch.size=201"], "the nearest is 202"],
    [
      ["model=ms-vgg19", "patch.size=128", "patch.smallSize=100"],
      '"patch.smallSize" is half of patch.size 128: 64, not 100',
    ],
    [["patch.smallSize=64"], "vgg19 has one scale; leave it out"],
    [
      ["model=hrnet-w18", "patch.size=100"],
      "hrnet-w18 takes a size that is a multiple of 32, not 100; the nearest is 96",
    ],
    [["model=ms-hrnet-small-v1", "patch.size=250"], "the nearest is 256"],
    [
      ["model=vgg-compact", "patch.size=30"],
      "vgg-compact takes a size that is a multiple of 16, not 30; the nearest is 32",
    ],
    [["featureSize=512"], '"featureSize": vgg19 has no choice of features, 512 is for HRNet'],
    [["model=hrnet-w18", "featureSize=64"], '"featureSize" must be 128 or 512, not 64'],
  ])("%j is refused", (set, message) => {
    expect(refusal({ set })).toContain(message);
  });
});

describe("refusals", () => {
  test("an unknown key names the file, the line, the key and the nearest right one", () => {
    const path = file("typo.yaml", "batch: 8\npatch:\n  sise: 64\n");
    expect(refusal({ config: path })).toBe(`${path}:3: unknown option "patch.sise"; did you mean "patch.size"?`);
  });

  test.each([
    ["threshold=0.5", "meta.threshold"],
    ["train.treshold=0.5", "meta.threshold"],
    ["augmnet.brightness=1", "augment.brightness"],
    ["pretrain.optimiser.momentum=0", "pretrain.optimizer.momentum"],
    ["useMultilabel=true", "data.useMultiLabel"],
    ["__proto__.x=1", null],
    ["constructor=1", null],
  ])("--set %s suggests %s", (set, nearest) => {
    const message = refusal({ set: [set] });
    expect(message).toContain(`--set ${set}: unknown option "${set.split("=")[0]}"`);
    if (nearest !== null) expect(message).toContain(`did you mean "${nearest}"?`);
  });

  test.each([
    ["batch=many", '"batch" must be a whole number from 1 up, not "many"'],
    ["batch=1.5", "not 1.5"],
    ["batch=", "must be a whole number from 1 up, not null"],
    ["seed=.nan", "must be a whole number from 0 to 4294967295"],
    [
      "method=byol",
      '"method" must be supervised, meta-pseudo-labels, simclr, contrastive-clustering, simtriplet or fixmatch, not "byol"',
    ],
    ["meta.threshold=65", '"meta.threshold" must be a number from 0 to 1, not 65'],
    ["meta.balance=1", '"meta.balance" must be true or false, not 1'],
    ["meta.rampOffset=3", "must be 1 or 2, not 3"],
    ["meta.feedbackBaseline=1", "must be a number from 0 to below 1 or null, not 1"],
    [
      "meta.udaSteps=half",
      'must be a number of steps (5000), epochs ("10 epochs") or a share of the phase ("50%"), not "half"',
    ],
    ["pretrain.lr=0", '"pretrain.lr" must be a number above 0, not 0'],
    ["augment.blurSigma=1", "must be a list of 2: a number above 0, a number above 0, not 1"],
    ["data.unlabelled=Unsorted", 'must be a list of texts, not "Unsorted"'],
    ["patch=64", '"patch" is a group of options, not 64; set one of its options, such as "patch.size"'],
    ["batch.size=8", '"batch" must be a whole number from 1 up, not {"size":8}'],
  ])("--set %s names the key, the value and what is allowed", (set, message) => {
    expect(refusal({ set: [set] })).toContain(message);
  });

  test("a wrong value in a file names its line", () => {
    const path = file("value.yaml", "meta:\n  balance: true\n  threshold: high\n");
    expect(refusal({ config: path })).toBe(`${path}:3: "meta.threshold" must be a number from 0 to 1, not "high"`);
  });

  test("a YAML error names file and line", () => {
    const path = file("broken.yaml", "batch: 8\nmeta: {threshold: 0.5\nseed: 1\n");
    expect(refusal({ config: path })).toMatch(/broken\.yaml:\d+: not valid YAML: /);
    const twice = file("twice.yaml", "batch: 8\nbatch: 9\n");
    expect(refusal({ config: twice })).toContain(`${twice}:2: not valid YAML: Map keys must be unique`);
    expect(refusal({ config: file("list.yaml", "- 1\n") })).toContain(
      'list.yaml: expected options such as "batch: 16", found [1]',
    );
  });

  test("unknown names and missing files", () => {
    expect(refusal({ config: "ipb-vg" })).toContain('unknown configuration "ipb-vg"; did you mean "ipb-vgg"?');
    expect(refusal({ config: "toString" })).toContain('unknown configuration "toString"');
    expect(refusal({ config: join(folder, "none.yaml") })).toContain("none.yaml: configuration file does not exist");
    const path = file("child.yaml", "extends: ipbvgg\n");
    expect(refusal({ config: path })).toContain(`${path}: unknown configuration "ipbvgg"; did you mean "ipb-vgg"?`);
    expect(refusal({ config: file("number.yaml", "extends: 3\n") })).toContain(
      '"extends" must be the name of a configuration or a file, not 3',
    );
  });

  test("files that extend each other", () => {
    const one = file("one.yaml", "extends: two.yaml\n");
    file("two.yaml", "extends: one.yaml\n");
    expect(refusal({ config: one })).toContain('"extends" goes round in a circle');
  });

  test("flags are checked like options and named", () => {
    expect(refusal({ preset: "huge" })).toBe('--preset: "preset" must be tiny, small or full, not "huge"');
    expect(refusal({ recipe: "text" })).toContain('--recipe: "recipe" must be paper, reference-code or small-data');
    expect(refusal({ seed: Number.NaN })).toContain("--seed:");
    expect(refusal({ fold: 10 })).toBe('"data.fold" is 10, but there are 10 folds: choose 0 to 9');
    expect(refusal({ fold: 5, recipe: "reference-code" })).toContain("there are 5 folds");
    expect(refusal({ set: ["batch"] })).toBe("--set batch: expected key=value, such as --set meta.threshold=0.9");
    expect(refusal({ set: ["batch=[1"] })).toContain("the value is not valid YAML");
  });

  test("options that do not fit together", () => {
    expect(refusal({ set: ["width=0.3"] })).toContain(
      "64 x 0.3 is 19.2 channels, not a whole number; the nearest width is 0.296875",
    );
    expect(refusal({ set: ["data.labelledFraction=0.95"] })).toContain(
      "at most 0.900 remains beside the test part (1/10)",
    );
    expect(resolveConfig({ set: ["data.labelledFraction=0.8"], recipe: "reference-code" }).data.labelledFraction).toBe(
      0.8,
    );
    expect(refusal({ set: ["augment.blurSigma=[2, 1]"] })).toContain("from small to large, not [2, 1]");
    expect(refusal({ set: ["train.optimizer={nesterov: true, momentum: 0}"] })).toContain(
      '"train.optimizer.nesterov" needs momentum',
    );
  });
});

describe("text", () => {
  test("the YAML of a configuration reads back to the same configuration, explained or not", () => {
    for (const explain of [false, true]) {
      const config = resolveConfig({
        config: "ml-ms-ipb-vgg",
        recipe: "small-data",
        seed: 7,
        set: ["meta.temperature=3"],
      });
      const path = file("shown.yaml", configToYaml(config, { explain }));
      expect(resolveConfig({ config: path })).toEqual(config);
    }
  });

  test("explained YAML has the description of every option above it", () => {
    const text = configToYaml(resolveConfig(), { explain: true });
    expect(text).toMatch(/# L2 weight decay[^\n]*\n {4}weightDecay: 0.0001/);
    expect(text).toMatch(/# seed of every random choice\nseed: 0/);
  });

  test("a run's config.json is checked on the way back", () => {
    const config = resolveConfig();
    expect(parseConfig(JSON.parse(JSON.stringify(config)), "run/config.json")).toEqual(config);
    const { batch: _, ...rest } = config;
    expect(() => parseConfig(rest, "run/config.json")).toThrow('run/config.json: option "batch" is missing');
    expect(() => parseConfig({ ...config, bach: 3 }, "run/config.json")).toThrow(
      'run/config.json: unknown option "bach"; did you mean "batch"?',
    );
    expect(() => parseConfig([], "run/config.json")).toThrow(UserError);
  });
});
