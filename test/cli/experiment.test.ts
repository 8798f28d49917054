import { describe, expect, it } from "vitest";
import type { ExperimentOptions, ExperimentResult, RunState } from "../../cli/actions.js";
import { LiveTable } from "../../cli/liveTable.js";
import { resolveConfig } from "../../pipeline/config/resolve.js";
import { drawnEvaluation } from "../support/fakeRuns.js";
import { run } from "./support.js";

function state(name: string, fold: number): RunState {
  const config = resolveConfig({ config: name, fold });
  return {
    id: `${name}-fold${fold}`,
    label: name,
    config,
    folder: "f",
    status: "waiting",
    finished: null,
    evaluations: new Map(),
    error: null,
    failedAt: null,
  };
}

function finish(one: RunState, balancedAccuracy: number): void {
  const classes = ["a", "b"];
  const student = { ...drawnEvaluation(classes, 1, 1), balancedAccuracy };
  const facts = { folder: "f", fold: 0, seed: 0, classes, student, seconds: 75, data: null };
  Object.assign(one, { status: "done", finished: { ...facts, config: { ...one.config } } });
}

const resultOf = (runs: RunState[]): ExperimentResult => ({
  experiment: "demo",
  folder: "runs/demo",
  strangers: ["old-fold0-seed0"],
  runs: runs.map(({ id, label, config, folder, status, error }) => ({
    id,
    label,
    fold: config.data.fold,
    seed: config.seed,
    folder,
    status,
    error,
    seconds: status === "done" ? 75 : null,
    balancedAccuracy: null,
    macroF1: null,
    auroc: null,
    accuracy: null,
    evaluations: {},
    expectedSeconds: 75,
  })),
});

/** One run is done, one fails. */
async function runExperiment(options: ExperimentOptions): Promise<ExperimentResult> {
  const runs = [state("vgg19", 0), state("vgg19", 1), state("ipb-vgg", 0)];
  if (options.dryRun) return resultOf(runs);
  for (const [i, one] of runs.entries()) {
    one.status = "running";
    options.onChange(runs, one);
    options.log.progress({ label: "training", done: 1, total: 4 });
    if (i === 1) Object.assign(one, { status: "failed", error: "the loss is NaN" });
    else finish(one, 0.5 + i / 10);
    options.onChange(runs, one);
  }
  return resultOf(runs);
}

describe("without a terminal", () => {
  it("writes plain lines, says what failed and ends with 1", async () => {
    const { code, stdout, stderr } = await run(["experiment", "plan.yaml"], { runExperiment });
    expect(code).toBe(1);
    expect(stderr.split("\n")).toEqual([
      "[1/3] vgg19-fold0: running",
      "[1/3] vgg19-fold0: training 1/4 (25 %)",
      "[1/3] vgg19-fold0: done in 1 min 15 s, balanced accuracy 50.0 %",
      "[2/3] vgg19-fold1: running",
      "[2/3] vgg19-fold1: training 1/4 (25 %)",
      "[2/3] vgg19-fold1: failed: the loss is NaN",
      "[3/3] ipb-vgg-fold0: running",
      "[3/3] ipb-vgg-fold0: training 1/4 (25 %)",
      "[3/3] ipb-vgg-fold0: done in 1 min 15 s, balanced accuracy 70.0 %",
      "not in the plan, left as they are: old-fold0-seed0 (in runs/demo)",
      "",
    ]);
    expect(stdout).toContain("failed: vgg19-fold1: the loss is NaN\n2 of 3 runs done: runs/demo");
  });

  it("says a reason that several runs share once", async () => {
    const runs = [state("vgg19", 0), state("vgg19", 1), state("ipb-vgg", 0), state("ipb-vgg", 1)];
    for (const [i, error] of ["no images", "no images", "the loss is NaN", "no images"].entries())
      Object.assign(runs[i] as RunState, { status: "failed", error });
    const { code, stdout } = await run(["experiment", "plan.yaml"], { runExperiment: async () => resultOf(runs) });
    expect(code).toBe(1);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "failed: vgg19-fold0, and 2 other runs in the same way: no images",
      "failed: ipb-vgg-fold0: the loss is NaN",
      "0 of 4 runs done: runs/demo (experiment.json)",
    ]);
  });

  it("hands on what replaces the plan's own, and repeats it in the command to go on", async () => {
    const flags = [
      "--data",
      "more images",
      "--preset",
      "tiny",
      "--recipe",
      "small-data",
      "--folds",
      "0, 2",
      "--seeds",
      "5",
    ];
    const changes = { data: "more images", preset: "tiny", recipe: "small-data", folds: [0, 2], seeds: [5] };
    const { code, stderr } = await run(["experiment", "plan.yaml", "--out", "here", ...flags], {
      runExperiment: async (options) => {
        expect(options.changes).toEqual(changes);
        process.emit("SIGINT");
        options.signal.throwIfAborted();
        throw new Error("not stopped");
      },
    });
    expect(code).toBe(130);
    expect(stderr).toContain(
      `experiment plan.yaml --data "more images" --preset tiny --recipe small-data --folds "0,2" --seeds 5 --out here`,
    );
    const wrong = await run(["experiment", "plan.yaml", "--folds", "0,x"], { runExperiment });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("Give a whole number from 0 up.")]);
  });

  it("prints one JSON document", async () => {
    const { stdout } = await run(["experiment", "plan.yaml", "--json"], { runExperiment });
    expect(JSON.parse(stdout).runs.map((one: { status: string }) => one.status)).toEqual(["done", "failed", "done"]);
  });

  it("--dry-run lists the runs with the time", async () => {
    const { code, stdout } = await run(["experiment", "plan.yaml", "--dry-run"], { runExperiment });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ipb-vgg-fold0 +waiting +about 1 min 15 s$/m);
    expect(stdout).toContain("3 to do, about 3 min 45 s");
  });
});

/**
 * What a terminal shows after the text, without empty lines at the end, and what went up out of sight: home, erase below, erase
 * to the end of the line and carriage return are obeyed.
 */
function terminal(text: string, rows: number): { past: string[]; shown: string[] } {
  const past: string[] = [];
  const lines = [""];
  let row = 0;
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the terminal's own marks
  for (const [token] of text.matchAll(/\u001b\[(\d*)[HJK]|\r|\n|[^\u001b\r\n]+/g)) {
    if (token === "\r") column = 0;
    else if (token === "\n") {
      row++;
      column = 0;
      if (row === rows) past.push(lines.splice(0, 1)[0]!);
      row = Math.min(row, rows - 1);
      lines[row] ??= "";
    } else if (token === "\u001b[H") [row, column] = [0, 0];
    else if (token === "\u001b[K") lines[row] = lines[row]!.slice(0, column);
    else if (token === "\u001b[J") lines.splice(row, lines.length, lines[row]!.slice(0, column));
    else if (token === "\u001b[2K") lines[row] = "";
    else {
      lines[row] = lines[row]!.slice(0, column).padEnd(column) + token + lines[row]!.slice(column + token.length);
      column += token.length;
    }
  }
  return { past, shown: lines.slice(0, lines.findLastIndex((line) => line !== "") + 1) };
}

describe("in a terminal", () => {
  it("redraws one table in place, with the bar below and messages above", async () => {
    let text = "";
    const stderr = { isTTY: true, columns: 100, rows: 20, write: (part: string) => (text += part) };
    const { code } = await run(["experiment", "plan.yaml"], { runExperiment }, { stderr });
    expect(code).toBe(1);
    const { shown } = terminal(text, 20);
    expect(shown.filter((line) => line.startsWith("configuration"))).toHaveLength(1);
    expect(shown.find((line) => line.startsWith("vgg19"))).toMatch(/^vgg19 +1\/2 +1 +50\.0 %/);
    expect(shown.find((line) => line.startsWith("ipb-vgg"))).toMatch(/^ipb-vgg +1\/1 +70\.0 %/);
    expect(shown).toContain("[2/3] vgg19-fold1: failed: the loss is NaN");
    expect(shown.join("\n")).not.toContain("[####");
  });

  it("what others write into the terminal is drawn over, and what stood there before is kept", () => {
    let text = "$ equipoise experiment plan.yaml\n";
    const live = new LiveTable({ isTTY: true, columns: 60, rows: 8, write: (part) => (text += part) });
    live.line("scanning");
    for (let i = 0; i < 4; i++) {
      live.show(["head", `row ${i}`]);
      live.update({ label: `work ${i}`, done: 1, total: 2 });
      text += "Warning: a driver speaks\nWarning: and again\n".repeat(i);
      live.line(`said ${i}`);
    }
    const { past, shown } = terminal(text, 8);
    expect(past.slice(0, 2)).toEqual(["$ equipoise experiment plan.yaml", "scanning"]);
    expect(shown).toEqual([
      "head",
      "row 3",
      "said 0",
      "said 1",
      "said 2",
      "said 3",
      expect.stringContaining("work 3 1/2"),
    ]);
    live.finish();
    expect(terminal(text, 8).shown).toEqual(["head", "row 3", "said 0", "said 1", "said 2", "said 3"]);
  });

  it("a table longer than the terminal is cut", () => {
    let text = "";
    const live = new LiveTable({ isTTY: true, columns: 60, rows: 8, write: (part) => (text += part) });
    for (let i = 0; i < 3; i++) {
      live.show(Array.from({ length: 30 }, (_, k) => `row ${k} ${"x".repeat(60)}`));
      live.update({ label: `work ${i}`, done: 1, total: 2 });
    }
    const { shown } = terminal(text, 8);
    expect(shown[0]).toMatch(/^row 0 x/);
    expect(shown[5]).toBe("... 25 more");
    expect(shown[6]).toContain("work 2 1/2");
    expect(Math.max(...shown.map((line) => line.length))).toBeLessThan(60);
    live.finish();
    expect(terminal(text, 8).shown.at(-1)).toMatch(/^row 29 x/);
  });

  it("a narrow terminal shows the end of the status, where the time left stands", () => {
    let text = "";
    const live = new LiveTable({ isTTY: true, columns: 40, rows: 8, write: (part) => (text += part) });
    live.show(["head"]);
    live.update({ label: "[1/8] ml-ipb-vgg-tenth-fold0-seed0: training", done: 2, total: 4, note: "loss 1.5" });
    expect(terminal(text, 8).shown.slice(1).join("")).toMatch(/training 2\/4 \(50 %\).* · loss 1\.5$/);
  });
});
