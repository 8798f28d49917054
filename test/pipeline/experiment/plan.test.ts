import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { namedConfigs } from "../../../pipeline/config/named.js";
import { readPlan } from "../../../pipeline/experiment/plan.js";
import { plan, root, small, write } from "./support.js";

describe("plan", () => {
  it("combines configurations, settings, folds and seeds; all configurations of a fold before the next", () => {
    write(`${small}set: {batch: 8}\nsettings:\n  low: {meta.threshold: 0.5}\n  high: {meta: {threshold: 0.9}}\n`);
    const { name, data, runs } = readPlan(plan);
    expect([name, data]).toEqual(["demo", join(root, "images")]);
    expect(runs.map((run) => run.id)).toEqual(
      [0, 1].flatMap((fold) =>
        ["vgg19", "ipb-vgg"].flatMap((config) =>
          ["low", "high"].map((setting) => `${config}-${setting}-fold${fold}-seed3`),
        ),
      ),
    );
    expect(runs[7]!.config).toMatchObject({
      preset: "tiny",
      seed: 3,
      batch: 8,
      data: { fold: 1 },
      meta: { threshold: 0.9 },
    });
  });

  it.each([
    ["tables-2-3", 10, 10],
    ["table-5", 6, 5],
    ["figure-8", 5, 10],
  ])("of the article's %s can be read, for any images", (name, configurations, folds) => {
    const file = join("experiments", "paper", `${name}.yaml`);
    expect(() => readPlan(file)).toThrow(/"data" is missing: .*; or give --data/);
    const { runs, ...rest } = readPlan(file, { data: root });
    expect([rest.name, rest.data]).toEqual([name, root]);
    expect(new Set(runs.map(({ label }) => label)).size).toBe(configurations);
    expect(runs).toHaveLength(configurations * folds);
    for (const { config } of runs)
      expect([config.preset, config.recipe, config.data.split]).toEqual(["full", "paper", "benchmark"]);
  });

  it("takes other images, sizes, recipes, folds and seeds in the place of its own", () => {
    write(`${small}recipe: paper\nset: {batch: 8}\n`);
    const { data, runs } = readPlan(plan, {
      data: join(root, "others"),
      preset: "full",
      recipe: "small-data",
      folds: [4],
      seeds: [7, 8],
    });
    expect(data).toBe(join(root, "others"));
    expect(runs.map((run) => run.id)).toEqual(
      [7, 8].flatMap((seed) => ["vgg19", "ipb-vgg"].map((config) => `${config}-fold4-seed${seed}`)),
    );
    for (const { config } of runs) expect(config).toMatchObject({ preset: "full", recipe: "small-data", batch: 8 });
    expect(() => readPlan(plan, { folds: [10] })).toThrow(/"data\.fold" is 10/);
    expect(() => readPlan(plan, { seeds: [1, 1] })).toThrow(/vgg19-fold0-seed1/);
  });

  it("of ablations can be read: each setting is one of its own", () => {
    const { runs } = readPlan(join("experiments", "ablations.yaml"), { data: root });
    const settings = new Map(runs.map(({ label, config }) => [label, config]));
    expect(settings.size).toBe(13);
    expect(settings.get("ipb-vgg gentle-views")?.augment).toMatchObject({ labelled: "flips", contrast: 0.2 });
    expect(settings.get("ipb-vgg feedback-old-new")?.meta.feedbackSign).toBe("old-new");
    expect(settings.get("ipb-vgg no-feedback")?.meta.mplWeight).toBe(0);
    expect(settings.get("ipb-vgg no-balancing")?.meta.balance).toBe(false);
    expect(settings.get("ipb-vgg fixmatch-abc-cdmad")).toMatchObject({
      method: "fixmatch",
      imbalance: { abc: true, cdmad: true },
    });
  });

  it("takes all named configurations, also those that are added later", () => {
    write("data: images\nconfigs: all\npreset: tiny\n");
    expect(readPlan(plan).runs.map((run) => run.label)).toEqual(Object.keys(namedConfigs));
  });

  it("takes configuration files beside it, and recipes as settings", () => {
    writeFileSync(join(root, "mine.yaml"), "extends: vgg19\nwidth: 0.0625\n");
    write("data: images\nconfigs: [mine.yaml]\nsettings: {a: {recipe: paper}, b: {recipe: reference-code}}\n");
    const { runs } = readPlan(plan);
    expect(runs.map(({ label, config }) => [label, config.recipe, config.width])).toEqual([
      ["mine a", "paper", 0.0625],
      ["mine b", "reference-code", 0.0625],
    ]);
  });

  it.each([
    ["data: x\nconfig: [vgg19]", /demo\.yaml:2: unknown key "config"; did you mean "configs"\?/],
    ["data: x", /demo\.yaml: "configs" is missing/],
    ["data: x\nconfigs: [vgg19]\nsettings: {}", /demo\.yaml:3: "settings" must be names .* found \{\}/],
    ["configs: [vgg19]", /demo\.yaml: "data" is missing/],
    ["data: x\nconfigs: [vgg19]\nfolds: 3", /demo\.yaml:3: "folds" must be a list of folds .* found 3/],
    ["data: x\nconfigs: [vgg19]\nseeds: [0, -1]", /demo\.yaml:3: "seeds\.1" must be a list of seeds/],
    ["data: x\nconfigs:\n  - vgg19\n  - vgg20", /demo\.yaml:4: unknown configuration "vgg20"; did you mean "vgg19"/],
    ["data: x\nconfigs: [vgg19]\nset:\n  batchs: 3", /demo\.yaml:4: unknown option "batchs"; did you mean "batch"/],
    ["data: x\nconfigs: [vgg19]\nset:\n  meta.threshold: 3", /demo\.yaml:4: "meta\.threshold" must be/],
    [
      "data: x\nconfigs: [vgg19]\nsettings:\n  a:\n    seed: 3",
      /demo\.yaml:5: "seed" cannot be set here: list it under "seeds"/,
    ],
    ["data: x\nconfigs: [vgg19]\nset: {data.fold: 3}", /"data\.fold" cannot be set here: list it under "folds"/],
    ["data: x\nconfigs: [vgg19]\nfolds: [10]", /demo\.yaml:2: .*fold/],
    ["data: x\nconfigs: [vgg19, vgg19]", /the plan has vgg19-fold0-seed0 twice/],
    ["data: [", /demo\.yaml:\d+: not valid YAML/],
    ["- 3", /expected a plan with "data" and "configs", found \[3\]/],
  ])("refuses %j", (text, message) => {
    write(text);
    expect(() => readPlan(plan)).toThrow(UserError);
    expect(() => readPlan(plan)).toThrow(message);
  });

  it("refuses a file that is not there", () => {
    expect(() => readPlan(plan)).toThrow(/demo\.yaml: plan does not exist; a plan has at least/);
  });
});
