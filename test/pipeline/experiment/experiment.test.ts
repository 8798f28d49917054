import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { namedConfigs } from "../../../pipeline/config/named.js";
import { parseCsv } from "../../../pipeline/data/csv.js";
import { type ExperimentOptions, type Runner, runExperiment } from "../../../pipeline/experiment/index.js";
import { readPlan } from "../../../pipeline/experiment/plan.js";
import type { Evaluation } from "../../../pipeline/metrics.js";
import { LockedError, withRunLock } from "../../../pipeline/run/lock.js";
import type { RunResult } from "../../../pipeline/run/types.js";
import { readPlannedName } from "../../../pipeline/statistics/planned.js";
import { drawnEvaluation, writeFinishedRun } from "../../support/fakeRuns.js";

let root: string;
let plan: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-experiment-"));
  plan = join(root, "demo.yaml");
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (text: string) => writeFileSync(plan, text);
const small = "data: images\nconfigs: [vgg19, ipb-vgg]\npreset: tiny\nfolds: [0, 1]\nseeds: [3]\n";

/** A runner that writes the files of a run at once; what it was asked for is in `calls`. */
class FakeRunner implements Runner {
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
    const [teacher, student] = [1, 2].map((skill) => drawnEvaluation(classes, skill, data.length)) as [
      Evaluation,
      Evaluation,
    ];
    return { classes, chance: 1 / 3, majority: null, teacher, student };
  };
}

const quiet = { info() {}, warn() {}, progress() {}, confirm: async () => true };
const start = (runner: Runner, options: Partial<ExperimentOptions> = {}) =>
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

describe("evaluate", () => {
  const withTests = `${small.replace("folds: [0, 1]", "folds: [0]")}evaluate: [test, more images]\n`;
  beforeEach(() => {
    for (const name of ["test", "more images", "other"]) mkdirSync(join(root, name));
  });
  const records = () => JSON.parse(readFileSync(join(root, "runs", "demo", "experiment.json"), "utf8")).runs;

  it("tests every run on further images, and keeps figures, a table and a file per run", async () => {
    write(withTests);
    const runner = new FakeRunner();
    await start(runner);
    expect(runner.calls).toEqual(
      ["vgg19", "ipb-vgg"].flatMap((name) => [
        `train ${name}-fold0-seed3`,
        `evaluate ${name}-fold0-seed3 on test`,
        `evaluate ${name}-fold0-seed3 on more images`,
      ]),
    );
    const folder = join(root, "runs", "demo");
    const file = JSON.parse(readFileSync(join(folder, "vgg19-fold0-seed3", "evaluate-more-images.json"), "utf8"));
    expect(file).toMatchObject({
      data: join(root, "more images"),
      classes: ["Dense", "Diff", "Spread"],
      majority: null,
    });
    expect(records()[0].evaluations["more-images"]).toMatchObject({
      student: { balancedAccuracy: file.student.balancedAccuracy },
      teacher: { macroF1: file.teacher.macroF1 },
    });
    const { rows } = parseCsv(readFileSync(join(folder, "runs-more-images.csv"), "utf8"), "runs.csv");
    expect(rows.map(({ values }) => Number(values.balancedAccuracy))).toEqual([
      file.student.balancedAccuracy,
      file.student.balancedAccuracy,
    ]);
    expect(readFileSync(join(folder, "table-test.md"), "utf8")).toMatch(/^Tested on further images, "test": .*\n\n/);
    await start(runner);
    expect(runner.calls).toHaveLength(6);
  });

  it("a set that is added later, or lies elsewhere now, is tested without training again", async () => {
    write(small);
    const runner = new FakeRunner();
    await start(runner);
    const added = (path: string) => write(`${small}evaluate: {new: ${path}}\n`);
    added("test");
    expect((await start(runner, { dryRun: true })).runs.every((run) => run.status === "started")).toBe(true);
    await start(runner);
    expect(runner.calls.slice(4)).toEqual(
      [0, 1].flatMap((fold) => ["vgg19", "ipb-vgg"].map((name) => `evaluate ${name}-fold${fold}-seed3 on test`)),
    );
    added("other");
    await start(runner);
    expect(runner.calls.slice(8)).toHaveLength(4);
    expect(runner.calls[8]).toMatch(/on other$/);
  });

  it("a test that fails is recorded beside the run's own figures, and tried again", async () => {
    write(withTests);
    const runner = new FakeRunner();
    runner.instead = () => {
      if (runner.calls.at(-1)?.startsWith("evaluate")) throw new Error("class Cat is not known");
    };
    const failed = (await start(runner)).runs[0];
    expect(failed).toMatchObject({
      status: "failed",
      error: "class Cat is not known",
      balancedAccuracy: expect.any(Number),
    });
    runner.instead = null;
    const { runs } = await start(runner);
    expect(runs.map((run) => run.status)).toEqual(["done", "done"]);
    expect(runner.calls.filter((call) => call.startsWith("train"))).toHaveLength(2);
  });

  it("refuses a damaged file, folders that are not there, and two of one name", async () => {
    write(`${small}evaluate: [test]\n`);
    const runner = new FakeRunner();
    await start(runner);
    writeFileSync(
      join(root, "runs", "demo", "vgg19-fold0-seed3", "evaluate-test.json"),
      '{"data": "x", "teacher": null}',
    );
    await expect(start(runner)).rejects.toThrow(/evaluate-test\.json: "student" is not what .* remove it/);
    write(`${small}evaluate:\n  - test\n  - tset`);
    expect(() => readPlan(plan)).toThrow(/demo\.yaml:8: .*tset is no folder; give folders of labelled images/);
    write(`${small}evaluate: [test, test]`);
    expect(() => readPlan(plan)).toThrow(/demo\.yaml:6: there are two sets "test"/);
    write(`${small}evaluate: 3`);
    expect(() => readPlan(plan)).toThrow(/demo\.yaml:6: "evaluate" must be folders of labelled images .* found 3/);
  });
});

describe("experiment", () => {
  it("makes every run once, and keeps figures per fold and the table", async () => {
    write(small);
    const runner = new FakeRunner();
    const events: string[] = [];
    const result = await start(runner, {
      onChange: (_, run) => events.push(run ? `${run.id} ${run.status}` : "begin"),
    });
    expect(runner.calls).toEqual([
      "train vgg19-fold0-seed3",
      "train ipb-vgg-fold0-seed3",
      "train vgg19-fold1-seed3",
      "train ipb-vgg-fold1-seed3",
    ]);
    expect(events.slice(0, 3)).toEqual(["begin", "vgg19-fold0-seed3 running", "vgg19-fold0-seed3 done"]);
    expect(result.runs.map((run) => run.status)).toEqual(["done", "done", "done", "done"]);
    const folder = join(root, "runs", "demo");
    const { rows } = parseCsv(readFileSync(join(folder, "runs.csv"), "utf8"), "runs.csv");
    expect(rows.map(({ values }) => [values.configuration, values.fold])).toEqual([
      ["vgg19", "0"],
      ["ipb-vgg", "0"],
      ["vgg19", "1"],
      ["ipb-vgg", "1"],
    ]);
    expect(Number(rows[0]!.values.balancedAccuracy)).toBe(result.runs[0]!.balancedAccuracy);
    expect(readFileSync(join(folder, "table.md"), "utf8")).toContain("| ipb-vgg");
    expect(existsSync(join(folder, "experiment.lock"))).toBe(false);
    await start(runner);
    expect(runner.calls).toHaveLength(4);
  });

  it("names settings in the table, and leaves what others need to do so", async () => {
    write(`${small}settings:\n  low: {meta.threshold: 0.5}\n  high: {meta.threshold: 0.9}\n`);
    await start(new FakeRunner());
    const folder = join(root, "runs", "demo");
    const names = ["vgg19 low", "vgg19 high", "ipb-vgg low", "ipb-vgg high"];
    for (const name of names) expect(readFileSync(join(folder, "table.md"), "utf8")).toContain(`\n| ${name} `);
    expect(readPlannedName(join(folder, "ipb-vgg-high-fold1-seed3"), "ipb-vgg")).toEqual({
      label: "ipb-vgg high",
      plan: "demo",
    });
  });

  it("records a run that fails, goes on, and tries it again the next time", async () => {
    write(small);
    const runner = new FakeRunner();
    runner.instead = (folder) => {
      if (folder.endsWith("ipb-vgg-fold0-seed3")) throw new Error("the loss is NaN");
    };
    const { runs } = await start(runner);
    expect(runs.map((run) => run.status)).toEqual(["done", "failed", "done", "done"]);
    const record = JSON.parse(readFileSync(join(root, "runs", "demo", "experiment.json"), "utf8"));
    expect(record.runs[1]).toMatchObject({ status: "failed", error: "the loss is NaN" });
    runner.instead = null;
    const again = await start(runner);
    expect(runner.calls.slice(4)).toEqual(["resume ipb-vgg-fold0-seed3"]);
    expect(again.runs.every((run) => run.status === "done" && run.error === null)).toBe(true);
  });

  it("stops when asked, and goes on with the run that had begun", async () => {
    write(small);
    const runner = new FakeRunner();
    const controller = new AbortController();
    runner.instead = () => {
      if (runner.calls.length < 2) return;
      controller.abort();
      controller.signal.throwIfAborted();
    };
    await expect(start(runner, { signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(join(root, "runs", "demo", "experiment.lock"))).toBe(false);
    runner.instead = null;
    await start(runner);
    expect(runner.calls.slice(2)).toEqual([
      "resume ipb-vgg-fold0-seed3",
      "train vgg19-fold1-seed3",
      "train ipb-vgg-fold1-seed3",
    ]);
  });

  it("a folder that was left before the run began is begun again", async () => {
    write(small);
    mkdirSync(join(root, "runs", "demo", "vgg19-fold0-seed3", "weights"), { recursive: true });
    const runner = new FakeRunner();
    await start(runner);
    expect(runner.calls[0]).toBe("train vgg19-fold0-seed3");
  });

  it("explains a plan that has changed, and makes nothing", async () => {
    write(small);
    const runner = new FakeRunner();
    await start(runner);
    write(`${small}set: {batch: 8, workers: 0}\n`);
    await expect(start(runner)).rejects.toThrow(
      /the plan has changed since runs in .* vgg19-fold0-seed3: "batch" was 16 and is now 8;.*and 1 more difference.*Take the change back/,
    );
    write(small.replace("images", "others"));
    await expect(start(runner)).rejects.toThrow(/the images were in .*images and are now in .*others/);
    expect(runner.calls).toHaveLength(4);
  });

  it("speed may change; runs may be added and taken out", async () => {
    write(small);
    const runner = new FakeRunner();
    await start(runner);
    write("data: images\nconfigs: [vgg19]\npreset: tiny\nfolds: [0, 1, 2]\nseeds: [3]\nset: {workers: 0}\n");
    const { runs, strangers } = await start(runner);
    expect(runner.calls.slice(4)).toEqual(["train vgg19-fold2-seed3"]);
    expect(runs).toHaveLength(3);
    expect(strangers).toEqual(["ipb-vgg-fold0-seed3", "ipb-vgg-fold1-seed3"]);
  });

  it("--dry-run makes nothing, and expects what runs of the same configuration took", async () => {
    write(small);
    const runner = new FakeRunner();
    expect((await start(runner, { dryRun: true })).runs.map((run) => run.status)).toEqual(Array(4).fill("waiting"));
    expect(existsSync(join(root, "runs"))).toBe(false);
    await start(runner);
    rmSync(join(root, "runs", "demo", "vgg19-fold1-seed3"), { recursive: true });
    const { runs } = await start(runner, { dryRun: true });
    expect(runs.map((run) => [run.status, run.expectedSeconds])[2]).toEqual(["waiting", 12.5]);
    expect(runner.calls).toHaveLength(4);
  });

  it("leaves a run to the process that is at it, and takes it when that is gone", async () => {
    write(small);
    const taken = join(root, "runs", "demo", "vgg19-fold0-seed3");
    const runner = new FakeRunner();
    const { runs } = await withRunLock(taken, () => start(runner));
    expect(runs.map((run) => run.status)).toEqual(["elsewhere", "done", "done", "done"]);
    expect(runner.calls).toHaveLength(3);
    expect((await start(runner)).runs[0]!.status).toBe("done");
    expect(runner.calls[3]).toBe("train vgg19-fold0-seed3");
  });

  it("takes over what another process finishes, fails or gives up meanwhile", async () => {
    write(small);
    const runner = new FakeRunner();
    const other = new FakeRunner();
    let asked = false;
    runner.instead = () => {
      if (asked) return;
      asked = true;
      // While this one makes the first run, another process finishes the second, fails at the third and begins the fourth.
      other.finish(join(root, "runs", "demo", "ipb-vgg-fold0-seed3"));
      const third = join(root, "runs", "demo", "vgg19-fold1-seed3");
      mkdirSync(third, { recursive: true });
      writeFileSync(join(third, "failure.json"), JSON.stringify({ error: "the disk is full", at: Date.now() + 1 }));
      mkdirSync(join(root, "runs", "demo", "ipb-vgg-fold1-seed3"), { recursive: true });
    };
    const { runs } = await start(runner);
    expect(runner.calls).toEqual(["train vgg19-fold0-seed3", "train ipb-vgg-fold1-seed3"]);
    expect(runs.map((run) => [run.status, run.error])).toEqual([
      ["done", null],
      ["done", null],
      ["failed", "the disk is full"],
      ["done", null],
    ]);
    const { rows } = parseCsv(readFileSync(join(root, "runs", "demo", "runs.csv"), "utf8"), "runs.csv");
    expect(rows.map(({ values }) => values.run)).toContain("ipb-vgg-fold0-seed3");
    await start(runner);
    expect(runner.calls.slice(2)).toEqual(["train vgg19-fold1-seed3"]);
  });

  it("a run that another process takes in the same moment is left to it", async () => {
    write(small);
    const runner = new FakeRunner();
    runner.instead = (folder) => {
      if (runner.calls.length === 1) throw new LockedError(`${folder}: process 1 is working on this run`);
    };
    const { runs } = await start(runner);
    // Nobody holds it any more when all others are done.
    expect(runner.calls.slice(0, 2)).toEqual(["train vgg19-fold0-seed3", "resume vgg19-fold0-seed3"]);
    expect(runs.every((run) => run.status === "done")).toBe(true);
  });
});
