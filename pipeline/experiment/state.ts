import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../engine/errors.js";
import { readEnvironment } from "../run/environment.js";
import { runPaths } from "../run/folder.js";
import { readRunConfig } from "../run/trainRun.js";
import { decisive } from "../statistics/groups.js";
import { type FinishedRun, readFinishedRun } from "../statistics/runs.js";
import { type RunEvaluation, readEvaluations } from "./evaluations.js";
import type { Plan, PlannedRun } from "./plan.js";

/** Where a run of an experiment stands. */
export type RunStatus = "waiting" | "started" | "running" | "done" | "failed";

export interface RunState extends PlannedRun {
  folder: string;
  status: RunStatus;
  /** What was measured, once it is done. */
  finished: FinishedRun | null;
  /** What was measured on the plan's further images, by their names. */
  evaluations: ReadonlyMap<string, RunEvaluation>;
  /** Why it failed. */
  error: string | null;
}

/**
 * What there is of each run. A run is done when it has a result and all evaluations, and started when it has a
 * configuration; one that failed before counts as either.
 * @throws UserError when a run in the folder is not the one that the plan asks for now
 */
export function inspectRuns(plan: Plan, root: string): RunState[] {
  const changed: string[] = [];
  const states = plan.runs.map((run): RunState => {
    const folder = join(root, run.id);
    const { config, result } = runPaths(folder);
    const waiting: RunState = {
      ...run,
      folder,
      status: "waiting",
      finished: null,
      evaluations: new Map(),
      error: null,
    };
    if (!existsSync(config)) return waiting;
    changed.push(...differences(run, folder, plan.data).map((what) => `${run.id}: ${what}`));
    if (!existsSync(result)) return { ...waiting, status: "started" };
    const evaluations = readEvaluations(folder, plan.evaluations);
    const status = evaluations.size === plan.evaluations.length ? "done" : "started";
    return { ...waiting, status, finished: readFinishedRun(folder), evaluations };
  });
  if (changed.length > 0) {
    const more = changed.length > 3 ? `; and ${changed.length - 3} more differences` : "";
    throw new UserError(
      `${plan.file}: the plan has changed since runs in ${root} were made. ${changed.slice(0, 3).join("; ")}${more}. ` +
        'Take the change back, give the plan another "name", or remove those runs.',
    );
  }
  return states;
}

/** Folders of runs that the plan does not have (any more). */
export function strangers(plan: Plan, root: string): string[] {
  if (!existsSync(root)) return [];
  const planned = new Set(plan.runs.map((run) => run.id));
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !planned.has(entry.name))
    .map((entry) => entry.name)
    .filter((name) => existsSync(runPaths(join(root, name)).config))
    .sort();
}

function differences(run: PlannedRun, folder: string, data: string): string[] {
  const paths = runPaths(folder);
  const [before, now] = [decisive(readRunConfig(paths)), decisive(run.config)];
  const keys = [...new Set([...before.keys(), ...now.keys()])].filter((key) => before.get(key) !== now.get(key));
  const told = keys.map(
    (key) => `"${key}" was ${before.get(key) ?? "not set"} and is now ${now.get(key) ?? "not set"}`,
  );
  const { root } = readEnvironment(paths).dataset;
  return root === data ? told : [...told, `the images were in ${root} and are now in ${data}`];
}

/** Seconds that a run will take, by those of its configuration that are done; null while there is none. */
export function expectedSeconds(run: RunState, all: readonly RunState[]): number | null {
  const known = all.flatMap((other) => (other.label === run.label && other.finished ? [other.finished.seconds] : []));
  return known.length === 0 ? null : known.reduce((a, b) => a + b) / known.length;
}
