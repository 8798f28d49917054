/** Reads runs, finished or not, for figures and the joined report. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import * as z from "zod";
import { UserError } from "../../engine/errors.js";
import { type DatasetFacts, datasetSchema } from "../report/data.js";
import { type EpochLine, type Phase, readEpochs } from "../report/metricsFile.js";
import { type PlannedName, readPlannedName } from "../statistics/planned.js";
import { type FinishedRun, findRuns, type RunConfig, readFinishedRun, readRunConfig } from "../statistics/runs.js";

/** A run as the figures see it. */
export interface FigureRun {
  folder: string;
  name: string;
  config: RunConfig;
  fold: number;
  seed: number;
  classes: string[];
  dataset: DatasetFacts | null;
  /** The whole of `environment.json`. */
  environment: Record<string, unknown>;
  epochs: Record<Phase, EpochLine[]>;
  /** Null until the run has been tested. */
  result: FinishedRun | null;
  /** What the plan of an experiment calls it. */
  planned: PlannedName | null;
}

export interface LoadedRuns {
  runs: FigureRun[];
  /** Runs that cannot be read, or that had not begun, with the reason. */
  unreadable: { folder: string; reason: string }[];
}

/**
 * Reads the runs in the folders given or below them.
 * @throws UserError when there is none that can be read
 */
export async function loadRuns(folders: readonly string[]): Promise<LoadedRuns> {
  const loaded: LoadedRuns = { runs: [], unreadable: [] };
  for (const folder of findRuns(folders)) {
    try {
      loaded.runs.push(await loadRun(folder));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      loaded.unreadable.push({ folder, reason: error.message });
    }
  }
  const [first] = loaded.unreadable;
  if (loaded.runs.length > 0) return loaded;
  throw new UserError(
    `${folders.join(", ")}: none of the ${loaded.unreadable.length} runs can be read; the first: ${first?.reason}`,
  );
}

async function loadRun(folder: string): Promise<FigureRun> {
  const config = readRunConfig(folder);
  const environment = readEnvironment(folder);
  const dataset = datasetSchema.safeParse(environment.dataset).data ?? null;
  const finished = existsSync(join(folder, "result.json")) ? readFinishedRun(folder) : null;
  const classes = finished?.classes ?? dataset?.classes;
  if (classes === undefined)
    throw new UserError(`${join(folder, "environment.json")}: names no classes; the run had not begun, resume it`);
  const metrics = join(folder, "metrics.jsonl");
  const planned = readPlannedName(folder, config.config);
  const none = { contrastive: [], pretrain: [], train: [], finetune: [] };
  return {
    folder,
    name: basename(resolve(folder)),
    config,
    fold: config.data.fold,
    seed: config.seed,
    classes,
    dataset,
    environment,
    epochs: existsSync(metrics) ? readEpochs(await readFile(metrics)) : none,
    result: finished && { ...finished, planned },
    planned,
  };
}

function readEnvironment(folder: string): Record<string, unknown> {
  const file = join(folder, "environment.json");
  if (!existsSync(file)) return {};
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    throw new UserError(`${file}: cannot be read; leave this run out, or make it anew`);
  }
}
