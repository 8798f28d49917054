import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { ExperimentResult } from "../../cli/actions.js";
import { summariseRuns } from "../../demo/summary.js";
import { readPlan } from "../../pipeline/experiment/plan.js";
import { writeFinishedRun } from "../support/fakeRuns.js";

const folder = mkdtempSync(join(tmpdir(), "equipoise-summary-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("runs are told in a few figures, without a path of the machine", () => {
  const adapter = { device: "llvmpipe", description: "" };
  const runs = ["vgg19", "ms-ipb-hrnet"].map((config) => {
    const run = join(folder, config);
    writeFinishedRun(run, { request: { config, preset: "tiny" }, student: { balancedAccuracy: 0.625, n: 94 } });
    const dataset = { root: "/somewhere/images", classes: ["Dense", "Diff", "Spread"], digest: "" };
    writeFileSync(join(run, "environment.json"), JSON.stringify({ adapter, dataset }));
    return { folder: run } as ExperimentResult["runs"][number];
  });
  const summary = summariseRuns(runs);
  expect(summary).toMatchObject({
    adapter: "llvmpipe",
    preset: "tiny",
    recipe: "small-data",
    testImages: 94,
    chance: 1 / 3,
  });
  expect(summary.runs).toEqual([
    expect.objectContaining({ configuration: "vgg19", method: "supervised", model: "vgg19", student: 0.625 }),
    expect.objectContaining({ configuration: "ms-ipb-hrnet", model: "ms-hrnet-small-v1", seconds: 12.5, bestEpoch: 3 }),
  ]);
  expect(JSON.stringify(summary)).not.toMatch(/\/somewhere|equipoise-summary/);
});

test("the plan of all configurations is one that can be read, at the smallest size", () => {
  const { runs, name } = readPlan(join("experiments", "all-tiny.yaml"));
  expect(name).toBe("all-tiny");
  expect(runs.length).toBeGreaterThanOrEqual(15);
  for (const { config } of runs)
    expect([config.preset, config.train.epochs, config.data.folds]).toEqual(["tiny", 2, 5]);
});
