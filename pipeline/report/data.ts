/** Reads a run folder for the report. Whatever is missing or broken becomes a note; nothing here stops the report. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { UserError } from "../../engine/errors.js";
import { evaluationSchema } from "../evaluationSchema.js";
import { type PredictionTable, readPredictions } from "../run/predictions.js";
import { type Metrics, readMetrics } from "./metricsFile.js";

const rate = z.number().nullable();
const counts = z.array(z.number());

const resultSchema = z.object({
  classes: z.array(z.string()).min(1),
  chance: rate,
  majority: rate,
  teacher: evaluationSchema.nullable(),
  student: evaluationSchema,
  bestEpoch: rate,
  finetuned: z.boolean(),
  seconds: rate,
});

export const datasetSchema = z.object({
  root: z.string(),
  classes: z.array(z.string()).min(1),
  counts: z.object({ L: counts, validation: counts, U: counts.nullable(), T: counts }),
  multiLabel: z.number(),
});

const configSchema = z.object({
  config: z.string().optional().catch(undefined),
  method: z.string().optional().catch(undefined),
  patch: z
    .object({ size: z.number().int().positive(), smallSize: z.number().int().positive().nullable().catch(null) })
    .optional()
    .catch(undefined),
  test: z.object({ patches: z.number().int().positive() }).optional().catch(undefined),
});

export type Result = z.infer<typeof resultSchema>;
export type DatasetFacts = z.infer<typeof datasetSchema>;
export type ConfigFacts = z.infer<typeof configSchema>;

/** Everything the report draws on; null is what the folder does not have. */
export interface RunData {
  name: string;
  folder: string;
  /** Class names, in the order of all per-class lists; empty when nothing names them. */
  classes: string[];
  config: { all: Record<string, unknown>; facts: ConfigFacts } | null;
  environment: { all: Record<string, unknown>; dataset: DatasetFacts | null } | null;
  metrics: Metrics | null;
  result: Result | null;
  predictions: PredictionTable | null;
  /** What is missing or broken, in whole sentences. */
  notes: string[];
}

/**
 * Reads what a run folder holds so far.
 * @throws UserError when the folder does not exist or holds no file of a run
 */
export async function readRun(runDir: string): Promise<RunData> {
  const notes: string[] = [];
  const config = await readJson(runDir, "config.json", z.record(z.string(), z.unknown()), notes);
  const environment = await readJson(runDir, "environment.json", z.record(z.string(), z.unknown()), notes);
  const metrics = await optional(runDir, "metrics.jsonl", readMetrics, notes);
  const result = await readJson(runDir, "result.json", resultSchema, notes);
  const predictions = await optional(runDir, "predictions.csv", readPredictions, notes);
  if (!config && !environment && !metrics && !result)
    throw new UserError(
      `${runDir}: no run folder (no config.json, environment.json, metrics.jsonl or result.json in it).`,
    );
  notes.push(...(metrics?.notes ?? []));
  const facts = environment ? parseDataset(environment.dataset, notes) : null;
  // A run that was made in a page carries its images, and names them from its own folder.
  const dataset = facts && { ...facts, root: resolve(runDir, facts.root) };
  return {
    name: basename(resolve(runDir)),
    folder: runDir,
    classes: result?.classes ?? dataset?.classes ?? predictions?.classes ?? [],
    config: config && { all: config, facts: configSchema.parse(config) },
    environment: environment && { all: environment, dataset },
    metrics,
    result: result && consistent(result, notes),
    predictions,
    notes,
  };
}

function parseDataset(value: unknown, notes: string[]): DatasetFacts | null {
  const parsed = datasetSchema.safeParse(value);
  if (!parsed.success)
    notes.push(`environment.json: ${problem(parsed.error, ["dataset"])}. Class counts are not shown.`);
  return parsed.data ?? null;
}

/** A result whose matrices do not fit its classes is as good as none. */
function consistent(result: Result, notes: string[]): Result | null {
  const k = result.classes.length;
  for (const evaluation of [result.student, result.teacher]) {
    if (!evaluation) continue;
    const square = evaluation.confusion.length === k && evaluation.confusion.every((row) => row.length === k);
    if (square && evaluation.perClass.length === k) continue;
    notes.push(`result.json: the confusion matrix does not fit the ${k} classes. The result is not shown.`);
    return null;
  }
  return result;
}

async function readJson<T>(dir: string, name: string, schema: z.ZodType<T>, notes: string[]): Promise<T | null> {
  return optional(dir, name, async (file) => schema.parse(JSON.parse(await readFile(file, "utf8"))), notes);
}

async function optional<T>(
  dir: string,
  name: string,
  read: (file: string) => Promise<T>,
  notes: string[],
): Promise<T | null> {
  const file = join(dir, name);
  if (!existsSync(file)) {
    notes.push(`${name} is missing${whyMissing[name] ?? ""}.`);
    return null;
  }
  try {
    return await read(file);
  } catch (error) {
    const why = error instanceof z.ZodError ? problem(error) : error instanceof Error ? error.message : String(error);
    notes.push(`${name} cannot be used: ${why}`);
    return null;
  }
}

const whyMissing: Record<string, string> = {
  "metrics.jsonl": ": no step has been logged yet",
  "result.json": ": the run has not reached its test yet",
  "predictions.csv": ": the test images have not been classified yet",
};

function problem(error: z.ZodError, prefix: string[] = []): string {
  const issue = error.issues[0];
  return `${[...prefix, ...(issue?.path ?? [])].join(".") || "the file"}: ${issue?.message ?? "not as expected"}`;
}
