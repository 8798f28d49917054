import { join } from "node:path";
import type { ResumeOptions, RunLog, RunResult, TrainOptions, TuneMode } from "../run/types.js";
import { readFinishedRun } from "../statistics/runs.js";
import { type Evaluate, makeEvaluations, readEvaluations } from "./evaluations.js";
import { type Plan, readPlan } from "./plan.js";
import { lockFolder, recordOf, writeRecord } from "./record.js";
import { expectedSeconds, inspectRuns, type RunState, strangers } from "./state.js";

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
  /** Folder of images that replaces the plan's. */
  data?: string;
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
 * next call tries it again. Killed at any moment, the next call goes on from the last checkpoint.
 * @throws UserError for a plan that is wrong or has changed; the signal's reason when aborted
 */
export async function runExperiment(options: ExperimentOptions, runner: Runner): Promise<ExperimentResult> {
  const plan = readPlan(options.plan, options.data);
  const root = join(options.out, plan.name);
  if (options.dryRun) return resultOf(plan, root, inspectRuns(plan, root));
  const unlock = lockFolder(root);
  try {
    const runs = inspectRuns(plan, root);
    options.onChange(runs, null);
    for (const run of runs) {
      if (run.status === "done") continue;
      await work(run, runs, plan, options, runner);
      writeRecord(plan, root, runs);
    }
    writeRecord(plan, root, runs);
    return resultOf(plan, root, runs);
  } finally {
    unlock();
  }
}

async function work(
  run: RunState,
  runs: readonly RunState[],
  plan: Plan,
  options: ExperimentOptions,
  runner: Runner,
): Promise<void> {
  const { log, signal, adapter, tune } = options;
  signal.throwIfAborted();
  const began = run.status === "started";
  run.status = "running";
  options.onChange(runs, run);
  const common = { log, signal, yes: true, ...(adapter === undefined ? {} : { adapter }) };
  try {
    if (run.finished === null) {
      if (began) await runner.resumeRun(run.folder, common);
      else
        await runner.trainRun({
          ...common,
          config: run.config,
          dataRoot: plan.data,
          out: run.folder,
          ...(tune === undefined ? {} : { tune }),
        });
      run.finished = readFinishedRun(run.folder);
    }
    await makeEvaluations(run.folder, plan.evaluations, runner.evaluateRun, common);
    run.evaluations = readEvaluations(run.folder, plan.evaluations);
    run.status = "done";
  } catch (error) {
    if (signal.aborted) throw error;
    run.status = "failed";
    run.error = error instanceof Error ? error.message : String(error);
  }
  options.onChange(runs, run);
}

function resultOf(plan: Plan, root: string, runs: readonly RunState[]): ExperimentResult {
  return {
    experiment: plan.name,
    folder: root,
    runs: runs.map((run) => ({ ...recordOf(run), expectedSeconds: expectedSeconds(run, runs) })),
    strangers: strangers(plan, root),
  };
}
