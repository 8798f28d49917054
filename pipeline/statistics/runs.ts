import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../engine/errors.js";
import { evaluationSchema } from "../evaluationSchema.js";
import type { Evaluation } from "../metrics.js";

const resultSchema = z.object({
  classes: z.array(z.string()).min(1),
  student: evaluationSchema,
  seconds: z.number(),
});

/** Options that every run has, whichever version wrote it; the others are only compared. */
const configSchema = z.looseObject({
  config: z.string(),
  recipe: z.string(),
  preset: z.string(),
  seed: z.number(),
  data: z.looseObject({ fold: z.number() }),
});

const datasetSchema = z.object({ dataset: z.object({ root: z.string() }) });

/** A run that has been tested. */
export interface FinishedRun {
  folder: string;
  /** Options as in config.json. */
  config: z.infer<typeof configSchema>;
  fold: number;
  seed: number;
  classes: string[];
  student: Evaluation;
  seconds: number;
  /** Folder of images; null where the run does not say. */
  data: string | null;
}

/** What was found below the folders given. */
export interface FoundRuns {
  runs: FinishedRun[];
  /** Folders of runs without a result yet. */
  unfinished: string[];
}

/**
 * Reads finished runs. A folder that is no run is searched for runs, three levels deep; one that is met twice counts once.
 * @throws UserError naming the folder where there is no run, or the file that is not what a run writes
 */
export function readFinishedRuns(folders: readonly string[]): FoundRuns {
  const seen = new Set<string>();
  const found: FoundRuns = { runs: [], unfinished: [] };
  for (const folder of folders) {
    if (!existsSync(folder) || !statSync(folder).isDirectory())
      throw new UserError(`${folder}: there is no such folder; give the folders of runs, or one that holds them`);
    const inside = runFolders(folder, 3);
    if (inside.length === 0)
      throw new UserError(`${folder}: neither it nor the folders in it are runs (none has a config.json)`);
    for (const run of inside) {
      const real = realpathSync(run);
      if (seen.has(real)) continue;
      seen.add(real);
      if (existsSync(join(run, "result.json"))) found.runs.push(readFinishedRun(run));
      else found.unfinished.push(run);
    }
  }
  return found;
}

/** Reads one run that has a result. @throws UserError naming the file and what is wrong with it */
export function readFinishedRun(folder: string): FinishedRun {
  const config = read(join(folder, "config.json"), configSchema);
  const { classes, student, seconds } = read(join(folder, "result.json"), resultSchema);
  const named = student.perClass.map((one) => one.class);
  if (named.join("\n") !== classes.join("\n"))
    throw new UserError(
      `${join(folder, "result.json")}: figures of the classes ${named.join(", ")}, but the run has ${classes.join(", ")}; ` +
        "remove the file and resume the run to test it again",
    );
  const environment = join(folder, "environment.json");
  const data = existsSync(environment) ? read(environment, datasetSchema).dataset.root : null;
  return { folder, config, fold: config.data.fold, seed: config.seed, classes, student, seconds, data };
}

function runFolders(folder: string, depth: number): string[] {
  if (existsSync(join(folder, "config.json"))) return [folder];
  if (depth === 0) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
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
