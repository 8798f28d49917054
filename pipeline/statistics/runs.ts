import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { UserError } from "../../engine/errors.js";
import { evaluationFile, evaluationSchema } from "../evaluationSchema.js";
import type { Evaluation } from "../metrics.js";
import { type PlannedName, plannedOrder, readPlannedName } from "./planned.js";
import { isRecord, readRecordedRuns } from "./recorded.js";

/** What `result.json` and the figures on further images have in common. */
const figuresSchema = z.object({
  classes: z.array(z.string()).min(1),
  student: evaluationSchema,
  teacher: evaluationSchema.nullish(),
  ensemble: evaluationSchema.nullish(),
});
const resultSchema = figuresSchema.extend({ seconds: z.number() });

/** Options that every run has, whichever version wrote it; the others are only compared. */
const configSchema = z.looseObject({
  config: z.string(),
  recipe: z.string(),
  preset: z.string(),
  seed: z.number(),
  data: z.looseObject({ fold: z.number() }),
});

export type RunConfig = z.infer<typeof configSchema>;

const datasetSchema = z.object({ dataset: z.object({ root: z.string() }) });

/** A run that has been tested. */
export interface FinishedRun {
  folder: string;
  /** Options as in config.json. */
  config: RunConfig;
  fold: number;
  seed: number;
  classes: string[];
  student: Evaluation;
  /** Null where the method has none. */
  teacher: Evaluation | null;
  /** Of the mean of both; null without a teacher, and in runs that did not test it. */
  ensemble: Evaluation | null;
  seconds: number;
  /** Folder of images; null where the run does not say. */
  data: string | null;
  /** What the plan of an experiment calls it. */
  planned: PlannedName | null;
}

/** What was found below the folders given. */
export interface FoundRuns {
  runs: FinishedRun[];
  /** Folders of runs without a result yet. */
  unfinished: string[];
  /** Folders of finished runs that were not tested on the further images asked for. */
  untested: string[];
}

export interface ReadOptions {
  /** Figures on further images, by the name that an experiment's plan gives them. Default: those on the run's own test part. */
  set?: string;
}

/**
 * Reads finished runs, in the folders given or below them (`findRuns`), and those that a `runs.csv` records.
 * @throws UserError naming the folder where there is no run, or the file that is not what a run writes
 */
export function readFinishedRuns(folders: readonly string[], { set }: ReadOptions = {}): FoundRuns {
  const found: FoundRuns = { runs: folders.filter(isRecord).flatMap(readRecordedRuns), unfinished: [], untested: [] };
  const other = folders.filter((path) => !isRecord(path));
  for (const run of other.length > 0 ? findRuns(other) : []) {
    if (!existsSync(join(run, "result.json"))) found.unfinished.push(run);
    else if (set !== undefined && !existsSync(join(run, evaluationFile(set)))) found.untested.push(run);
    else {
      const finished = readFinishedRun(run, set);
      found.runs.push({ ...finished, planned: readPlannedName(run, finished.config.config) });
    }
  }
  return found;
}

/**
 * Folders of runs, finished or not. A folder that is no run is searched three levels deep; one that is met twice counts once.
 * @throws UserError naming the folder where there is no run
 */
export function findRuns(folders: readonly string[]): string[] {
  const seen = new Map<string, string>();
  for (const folder of folders) {
    if (!existsSync(folder) || !statSync(folder).isDirectory())
      throw new UserError(`${folder}: there is no such folder; give the folders of runs, or one that holds them`);
    const inside = runFolders(folder, 3);
    if (inside.length === 0)
      throw new UserError(`${folder}: neither it nor the folders in it are runs (none has a config.json)`);
    for (const run of inside) {
      const real = realpathSync(run);
      if (!seen.has(real)) seen.set(real, run);
    }
  }
  return [...seen.values()];
}

/**
 * Reads one run that has a result; its name in a plan is not looked for.
 * @param set take the figures on these further images
 * @throws UserError naming the file and what is wrong with it
 */
export function readFinishedRun(folder: string, set?: string): FinishedRun {
  const config = read(join(folder, "config.json"), configSchema);
  const { seconds, ...own } = read(join(folder, "result.json"), resultSchema);
  checkNames(join(folder, "result.json"), own, own.classes);
  const tested = set === undefined ? own : read(join(folder, evaluationFile(set)), figuresSchema);
  if (set !== undefined) checkNames(join(folder, evaluationFile(set)), tested, own.classes);
  const { student, teacher = null, ensemble = null } = tested;
  const environment = join(folder, "environment.json");
  const data = existsSync(environment) ? read(environment, datasetSchema).dataset.root : null;
  const { classes } = own;
  const { seed } = config;
  return {
    folder,
    config,
    fold: config.data.fold,
    seed,
    classes,
    student,
    teacher,
    ensemble,
    seconds,
    data,
    planned: null,
  };
}

/** The options of a run, finished or not. @throws UserError naming the file and what is wrong with it */
export function readRunConfig(folder: string): RunConfig {
  return read(join(folder, "config.json"), configSchema);
}

function checkNames(
  file: string,
  { student, teacher, ensemble }: z.infer<typeof figuresSchema>,
  classes: string[],
): void {
  for (const evaluation of [student, teacher, ensemble]) {
    const named = evaluation?.perClass.map((one) => one.class) ?? classes;
    if (named.join("\n") === classes.join("\n")) continue;
    throw new UserError(
      `${file}: figures of the classes ${named.join(", ")}, but the run has ${classes.join(", ")}; ` +
        "remove the file and resume the run to test it again",
    );
  }
}

/** Folders with a `config.json`: the one given, or those up to `depth` levels below it. */
export function runFolders(folder: string, depth: number): string[] {
  if (existsSync(join(folder, "config.json"))) return [folder];
  if (depth === 0) return [];
  const order = plannedOrder(folder);
  const place = (name: string) => order.get(name) ?? Number.POSITIVE_INFINITY;
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)))
    .flatMap((name) => runFolders(join(folder, name), depth - 1));
}

function read<T>(file: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${(error as Error).message}); leave this run out, or make it anew`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(
    `${file}: "${issue?.path.join(".")}" is not what a run writes (${issue?.message}); leave this run out, or make it anew`,
  );
}
