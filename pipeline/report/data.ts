/** Reads a run for the report. Whatever is missing or broken becomes a note; nothing here stops the report. */
import * as z from "zod";
import { UserError } from "../../engine/errors.js";
import { evaluationSchema } from "../evaluationSchema.js";
import { type PredictionTable, parsePredictions } from "../run/predictionsCsv.js";
import { type RunFile, reason, runFiles } from "../run/store.js";
import { type Metrics, readMetrics } from "./metricsFile.js";
import type { ReportSource, RunImages } from "./source.js";

const rate = z.number().nullable();
const counts = z.array(z.number());

const resultSchema = z.object({
  classes: z.array(z.string()).min(1),
  chance: rate,
  majority: rate,
  teacher: evaluationSchema.nullable(),
  student: evaluationSchema,
  /** Of the mean of both; runs of earlier versions do not have it. */
  ensemble: evaluationSchema.nullish(),
  bestEpoch: rate,
  finetuned: z.boolean(),
  seconds: rate,
});

export const datasetSchema = z.object({
  root: z.string(),
  classes: z.array(z.string()).min(1),
  counts: z.object({ L: counts, validation: counts, U: counts.nullable(), T: counts }),
  /** Images of U, multi-label ones included. */
  unlabelled: z.number().optional(),
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

/** Everything the report draws on; null is what the run does not have. */
export interface RunData {
  name: string;
  /** Class names, in the order of all per-class lists; empty when nothing names them. */
  classes: string[];
  config: { all: Record<string, unknown>; facts: ConfigFacts } | null;
  environment: { all: Record<string, unknown>; dataset: DatasetFacts | null } | null;
  metrics: Metrics | null;
  result: Result | null;
  predictions: PredictionTable | null;
  /** Where its images may be; null: the run does not say. */
  images: RunImages | null;
  /** What is missing or broken, in whole sentences. */
  notes: string[];
}

/**
 * Reads what there is of a run so far.
 * @throws UserError when there is no file of a run
 */
export async function readRun({ name, place, files, images }: ReportSource): Promise<RunData> {
  const reader = new Reader(files);
  const { notes } = reader;
  const config = await reader.json(runFiles.config, z.record(z.string(), z.unknown()));
  const environment = await reader.json(runFiles.environment, z.record(z.string(), z.unknown()));
  const metrics = await reader.optional(runFiles.metrics, readMetrics);
  const result = await reader.json(runFiles.result, resultSchema);
  const table = (bytes: Uint8Array) => parsePredictions(textOf(bytes), files.nameOf(runFiles.predictions));
  const predictions = await reader.optional(runFiles.predictions, table);
  if (!config && !environment && !metrics && !result)
    throw new UserError(
      `${place}: no run folder (no config.json, environment.json, metrics.jsonl or result.json in it).`,
    );
  notes.push(...(metrics?.notes ?? []));
  const dataset = environment ? parseDataset(environment.dataset, notes) : null;
  return {
    name,
    classes: result?.classes ?? dataset?.classes ?? predictions?.classes ?? [],
    config: config && { all: config, facts: configSchema.parse(config) },
    environment: environment && { all: environment, dataset },
    metrics,
    result: result && consistent(result, notes),
    predictions,
    images: dataset && images(dataset.root),
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
  for (const evaluation of [result.student, result.teacher, result.ensemble]) {
    if (!evaluation) continue;
    const square = evaluation.confusion.length === k && evaluation.confusion.every((row) => row.length === k);
    if (square && evaluation.perClass.length === k) continue;
    notes.push(`result.json: the confusion matrix does not fit the ${k} classes. The result is not shown.`);
    return null;
  }
  return result;
}

/** Reads files; what is missing or broken is null, and noted. */
class Reader {
  readonly notes: string[] = [];

  constructor(private readonly files: ReportSource["files"]) {}

  json<T>(file: RunFile, schema: z.ZodType<T>): Promise<T | null> {
    return this.optional(file, (bytes) => schema.parse(JSON.parse(textOf(bytes))));
  }

  async optional<T>(file: RunFile, parse: (bytes: Uint8Array) => T): Promise<T | null> {
    try {
      const bytes = await this.files.read(file);
      if (bytes) return parse(bytes);
      this.notes.push(`${file} is missing${whyMissing[file] ?? ""}.`);
    } catch (error) {
      this.notes.push(`${file} cannot be used: ${error instanceof z.ZodError ? problem(error) : reason(error)}`);
    }
    return null;
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
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
