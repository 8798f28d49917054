import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { resolveConfig } from "../../../pipeline/config/resolve.js";
import { file, folder, refusal } from "./support.js";

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
