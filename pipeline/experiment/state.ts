import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { UserError } from "../../engine/errors.js";
import { readEnvironment } from "../run/environment.js";
import { readJson, runPaths, writeJson } from "../run/folder.js";
import { runHolder } from "../run/lock.js";
import type { TestedNetworks } from "../run/testNetworks.js";
import { readRunConfig } from "../run/trainRun.js";
import { decisive } from "../statistics/groups.js";
import { type FinishedRun, readFinishedRun } from "../statistics/runs.js";
import { readEvaluations } from "./evaluations.js";
import type { Plan, PlannedRun } from "./plan.js";

/** Where a run of an experiment stands; "elsewhere": another process works on it. */
export type RunStatus = "waiting" | "started" | "running" | "elsewhere" | "done" | "failed";

export interface RunState extends PlannedRun {
  folder: string;
  status: RunStatus;
  /** What was measured, once it is done. */
  finished: FinishedRun | null;
  /** What was measured on the plan's further images, by their names. */
  evaluations: ReadonlyMap<string, TestedNetworks>;
  /** Why it failed. */
  error: string | null;
  /** When that was, ms since 1970. */
  failedAt: number | null;
}

/**
 * What there is of each run.
 * @throws UserError when a run in the folder is not the one that the plan asks for now
 */
export function inspectRuns(plan: Plan, root: string): RunState[] {
  const states = plan.runs.map((run) => inspectRun(plan, run, join(root, run.id)));
  const changed = states.flatMap((run) =>
    existsSync(runPaths(run.folder).config)
      ? differences(run, run.folder, plan.data).map((what) => `${run.id}: ${what}`)
      : [],
  );
  if (changed.length > 0) {
    const more = changed.length > 3 ? `; and ${changed.length - 3} more differences` : "";
    throw new UserError(
      `${plan.file}: the plan has changed since runs in ${root} were made. ${changed.slice(0, 3).join("; ")}${more}. ` +
        'Take the change back, give the plan another "name", or remove those runs.',
    );
  }
  return states;
}

/**
 * Looks at a run again, which another process may have gone on with. A run is done when it has a result and all evaluations,
 * and started when it has a configuration.
 */
export function refresh(plan: Plan, run: RunState): void {
  Object.assign(run, inspectRun(plan, run, run.folder));
}

function inspectRun(plan: Plan, run: PlannedRun, folder: string): RunState {
  const { config, result } = runPaths(folder);
  const finished = existsSync(result) ? readFinishedRun(folder) : null;
  const evaluations = finished ? readEvaluations(folder, plan.evaluations) : new Map();
  const failure = readFailure(folder);
  const state = { ...run, folder, finished, evaluations, error: null, failedAt: null };
  if (finished && evaluations.size === plan.evaluations.length) return { ...state, status: "done" };
  if (runHolder(folder) !== null) return { ...state, status: "elsewhere" };
  if (failure) return { ...state, status: "failed", error: failure.error, failedAt: failure.at };
  return { ...state, status: existsSync(config) ? "started" : "waiting" };
}

const failureSchema = z.object({ error: z.string(), at: z.number() });

const failureFile = (folder: string) => join(folder, "failure.json");

/** Keeps why a run failed, for other processes that work on the same experiment, and for the next call. */
export function writeFailure(folder: string, error: string): void {
  mkdirSync(folder, { recursive: true });
  writeJson(failureFile(folder), { error, at: Date.now() });
}

export function removeFailure(folder: string): void {
  rmSync(failureFile(folder), { force: true });
}

function readFailure(folder: string): z.infer<typeof failureSchema> | null {
  const file = failureFile(folder);
  if (!existsSync(file)) return null;
  const parsed = failureSchema.safeParse(readJson(file, "remove it"));
  return parsed.success ? parsed.data : null;
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
