import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { type ExperimentOptions, type Runner, runExperiment } from "../../../pipeline/experiment/index.js";
import { readPlan } from "../../../pipeline/experiment/plan.js";
import type { RunResult } from "../../../pipeline/run/types.js";
import { drawnEvaluation, writeFinishedRun } from "../../support/fakeRuns.js";

/** A folder for each test: `root`, and `plan`, the file in it that `write` writes. */
export let root: string;
export let plan: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-experiment-"));
  plan = join(root, "demo.yaml");
});
afterEach(() => rmSync(root, { recursive: true }));

export const write = (text: string): void => writeFileSync(plan, text);

/** A plan of four runs. */
export const small = "data: images\nconfigs: [vgg19, ipb-vgg]\npreset: tiny\nfolds: [0, 1]\nseeds: [3]\n";

/** A runner that writes the files of a run at once; what it was asked for is in `calls`. */
export class FakeRunner implements Runner {
  calls: string[] = [];
  /** Acts instead of a run that is about to be made or continued. */
  instead: ((folder: string) => void) | null = null;

  trainRun: Runner["trainRun"] = async ({ config, dataRoot, out }) => {
    this.calls.push(`train ${out.slice(out.lastIndexOf("/") + 1)}`);
    const { config: name, preset, recipe, seed, data } = config;
    mkdirSync(out, { recursive: true });
    const kept = {
      adapter: { device: "d", description: "" },
      dataset: { root: dataRoot, classes: ["a", "b"], digest: "" },
    };
    writeFileSync(join(out, "environment.json"), JSON.stringify(kept));
    writeFileSync(join(out, "config.json"), JSON.stringify(config));
    this.instead?.(out);
    writeFinishedRun(out, { request: { config: name, preset, recipe, seed, fold: data.fold } });
    writeFileSync(join(out, "environment.json"), JSON.stringify(kept));
    writeFileSync(join(out, "config.json"), JSON.stringify(config));
    return {} as RunResult;
  };

  /** Writes the run as another process would have made it. */
  finish(out: string): void {
    const planned = readPlan(plan).runs.find(({ id }) => out.endsWith(id))!;
    const options = { log: quiet, signal: new AbortController().signal, yes: true };
    void this.trainRun({ ...options, config: planned.config, dataRoot: join(root, "images"), out });
  }

  resumeRun: Runner["resumeRun"] = async (out) => {
    this.calls.push(`resume ${out.slice(out.lastIndexOf("/") + 1)}`);
    this.instead?.(out);
    const config = readFileSync(join(out, "config.json"), "utf8");
    const environment = readFileSync(join(out, "environment.json"), "utf8");
    writeFinishedRun(out, { request: { config: "vgg19" } });
    writeFileSync(join(out, "config.json"), config);
    writeFileSync(join(out, "environment.json"), environment);
    return {} as RunResult;
  };

  evaluateRun: Runner["evaluateRun"] = async (out, { data = "" }) => {
    this.calls.push(`evaluate ${out.slice(out.lastIndexOf("/") + 1)} on ${data.slice(data.lastIndexOf("/") + 1)}`);
    this.instead?.(out);
    const classes = ["Dense", "Diff", "Spread"];
    const drawn = (skill: number) => drawnEvaluation(classes, skill, data.length);
    return { classes, chance: 1 / 3, majority: null, teacher: drawn(1), student: drawn(2), ensemble: drawn(3) };
  };
}

const quiet = { info() {}, warn() {}, progress() {}, confirm: async () => true };
/** Works on the plan. */
export const start = (runner: Runner, options: Partial<ExperimentOptions> = {}) =>
  runExperiment(
    {
      plan,
      out: join(root, "runs"),
      dryRun: false,
      log: quiet,
      signal: new AbortController().signal,
      onChange() {},
      ...options,
    },
    runner,
  );
