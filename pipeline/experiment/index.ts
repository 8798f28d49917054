import { existsSync } from "node:fs";
import { join } from "node:path";
import { runPaths } from "../run/folder.js";
import { LockedError, whileLocked, withRunLock } from "../run/lock.js";
import type { ResumeOptions, RunLog, RunResult, TrainOptions, TuneMode } from "../run/types.js";
import { type Evaluate, makeEvaluations } from "./evaluations.js";
import { expectedSeconds } from "./expected.js";
import { type Plan, type PlanChanges, readPlan } from "./plan.js";
import { recordOf, writeRecord } from "./record.js";
import { inspectRuns, type RunState, refresh, removeFailure, strangers, writeFailure } from "./state.js";

export type { PlanChanges } from "./plan.js";
export type { RunState, RunStatus } from "./state.js";

/** How runs are made; others in tests. */
export interface Runner {
  trainRun(options: TrainOptions): Promise<RunResult>;
  resumeRun(run: string, options: ResumeOptions): Promise<RunResult>;
  evaluateRun: Evaluate;
}

export interface ExperimentOptions {
  /** Plan file (YAML). */
  plan: string;
  /** Folder that takes the folder of the experiment. */
  out: string;
  changes?: PlanChanges;
  adapter?: string;
  tune?: TuneMode;
  /** Only say what would be done. */
  dryRun: boolean;
  log: RunLog;
  /** When aborted: the running run saves itself, and the rest waits for the next call. */
  signal: AbortSignal;
  /** Called when a run begins or ends, with all runs; `current` is the one that did. */
  onChange(runs: readonly RunState[], current: RunState | null): void;
}

/** What `--json` prints. */
export interface ExperimentResult {
  experiment: string;
  folder: string;
  runs: (ReturnType<typeof recordOf> & { expectedSeconds: number | null })[];
  /** Runs in the folder that the plan does not have. */
  strangers: string[];
}

/**
 * Makes the runs of a plan that are not done yet, one after the other. A run that fails is recorded, and the rest goes on; the
 * next call tries it again. Killed at any moment, the next call goes on from the last checkpoint. Several processes may work
 * on one plan: each takes the runs that no other is at, and ends when there are none left to take.
 * @throws UserError for a plan that is wrong or has changed; the signal's reason when aborted
 */
export async function runExperiment(options: ExperimentOptions, runner: Runner): Promise<ExperimentResult> {
  const plan = readPlan(options.plan, options.changes);
  const root = join(options.out, plan.name);
  const runs = inspectRuns(plan, root);
  if (options.dryRun) return resultOf(plan, root, runs);
  options.onChange(runs, null);
  const begun = Date.now();
  const tried = new Set<RunState>();
  for (let run = next(plan, runs, tried, begun); run; run = next(plan, runs, tried, begun)) {
    await work(run, runs, plan, options, runner);
    if (run.status !== "elsewhere") tried.add(run);
    await record(plan, root, runs, run);
  }
  await record(plan, root, runs, null);
  return resultOf(plan, root, runs);
}

/** The first run that is to be done, that no other process works on, and that has not failed since this process began. */
function next(plan: Plan, runs: readonly RunState[], tried: ReadonlySet<RunState>, begun: number): RunState | null {
  const open = runs.filter((run) => run.status !== "done" && !tried.has(run));
  return (
    open.find((run) => {
      refresh(plan, run);
      return run.status !== "done" && run.status !== "elsewhere" && (run.failedAt === null || run.failedAt < begun);
    }) ?? null
  );
}

/** Writes what all processes have come to. @param own the run that this process has just looked at */
async function record(plan: Plan, root: string, runs: readonly RunState[], own: RunState | null): Promise<void> {
  await whileLocked(join(root, "experiment.lock"), () => {
    for (const run of runs) if (run !== own && run.status !== "done") refresh(plan, run);
    writeRecord(plan, root, runs);
  });
}

async function work(
  run: RunState,
  runs: readonly RunState[],
  plan: Plan,
  options: ExperimentOptions,
  runner: Runner,
): Promise<void> {
  const { signal } = options;
  signal.throwIfAborted();
  Object.assign(run, { status: "running", error: null, failedAt: null });
  options.onChange(runs, run);
  try {
    removeFailure(run.folder);
    await make(run, plan, options, runner);
    refresh(plan, run);
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof LockedError) run.status = "elsewhere";
    else {
      writeFailure(run.folder, error instanceof Error ? error.message : String(error));
      refresh(plan, run);
    }
  }
  options.onChange(runs, run);
}

/** Trains what is left of a run, and tests it on the plan's further images. */
async function make(run: RunState, plan: Plan, options: ExperimentOptions, runner: Runner): Promise<void> {
  const { log, signal, adapter, tune } = options;
  const { folder, config } = run;
  const common = { log, signal, yes: true, ...(adapter === undefined ? {} : { adapter }) };
  if (run.finished === null) {
    const given = tune === undefined ? {} : { tune };
    if (existsSync(runPaths(folder).config)) await runner.resumeRun(folder, common);
    else await runner.trainRun({ ...common, config, dataRoot: plan.data, out: folder, ...given });
  }
  if (plan.evaluations.length === 0) return;
  await withRunLock(folder, () => makeEvaluations(folder, plan.evaluations, runner.evaluateRun, common));
}

function resultOf(plan: Plan, root: string, runs: readonly RunState[]): ExperimentResult {
  return {
    experiment: plan.name,
    folder: root,
    runs: runs.map((run) => ({ ...recordOf(run), expectedSeconds: expectedSeconds(run, runs) })),
    strangers: strangers(plan, root),
  };
}
