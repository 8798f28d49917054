/** Reads `metrics.jsonl` line by line: steps become bounded curves, epochs are kept whole. */
import type { PhaseName } from "../methods.js";
import { balancedAccuracyInterval, type Interval } from "../uncertainty.js";
import { Series } from "./series.js";

/** Phases of a run. */
export type Phase = PhaseName;

/** The line an epoch ends with; fields that a run does not write are null. */
export interface EpochLine {
  /** Counted from 1, as the log does; the file counts from 0. */
  epoch: number;
  seconds: number | null;
  /** Of the network that learns: the student, in pre-training the one that is pre-trained. */
  loss: number | null;
  teacherLoss: number | null;
  balancedAccuracy: number | null;
  /** 95 % interval of the balanced accuracy, from the confusion matrix of the validation part. */
  interval: Interval | null;
  validationLoss: number | null;
  pseudoCounts: number[] | null;
  /** How many of the same images are of each class in truth, where that is known. */
  pseudoTrueCounts: number[] | null;
  samplingWeights: number[] | null;
  neverPredicted: string[];
  /** How often the labels are right, where true classes are known. */
  pseudoQuality: LabelQuality | null;
}

/** Shares of labels that are right; a quotient 0/0 is null. Per class in the order of the classes. */
export interface LabelFigures {
  accuracy: number | null;
  precision: (number | null)[];
  recall: (number | null)[];
  meanPrecision: number | null;
  meanRecall: number | null;
}

export interface LabelQuality extends LabelFigures {
  /** The class with the fewest images in truth. */
  rarest: string | null;
  /** The same of labels that reach the threshold, and their share; null where that is not recorded. */
  confident: (LabelFigures & { share: number | null }) | null;
}

/** One phase: curves by the name of the logged value, over the step counter. */
export interface PhaseMetrics {
  steps: Map<string, Series>;
  epochs: EpochLine[];
}

export interface Metrics {
  phases: Record<Phase, PhaseMetrics>;
  /** What was wrong with the file, for the reader of the report. */
  notes: string[];
}

const kinds = new Map<unknown, { phase: Phase; line: "step" | "epoch" }>([
  ["contrastive-step", { phase: "contrastive", line: "step" }],
  ["contrastive-epoch", { phase: "contrastive", line: "epoch" }],
  ["pretrain-step", { phase: "pretrain", line: "step" }],
  ["pretrain-epoch", { phase: "pretrain", line: "epoch" }],
  ["step", { phase: "train", line: "step" }],
  ["epoch", { phase: "train", line: "epoch" }],
  ["finetune-step", { phase: "finetune", line: "step" }],
  ["finetune-epoch", { phase: "finetune", line: "epoch" }],
]);

/**
 * Reads the content of the file. A last line that is cut off (the run was killed while writing), unreadable lines and
 * values that are not finite are left out and noted; nothing is thrown.
 */
export function readMetrics(content: Uint8Array): Metrics {
  const metrics: Metrics = {
    phases: { contrastive: emptyPhase(), pretrain: emptyPhase(), train: emptyPhase(), finetune: emptyPhase() },
    notes: [],
  };
  const broken: number[] = [];
  let number = 0;
  for (const line of linesOf(content)) {
    number += 1;
    if (line.trim() === "") continue;
    const entry = parse(line);
    if (entry) take(metrics, entry);
    else broken.push(number);
  }
  noteBroken(metrics.notes, broken, number);
  noteUnusable(metrics);
  return metrics;
}

/** An epoch's line, as it is written: the kind comes first. */
const epochStart = /^\{"kind":"(?:[a-z]+-)?epoch"/;

/** The epochs alone, without the steps: quick for many runs. What cannot be read is left out. */
export function readEpochs(content: Uint8Array): Record<Phase, EpochLine[]> {
  const epochs: Record<Phase, EpochLine[]> = { contrastive: [], pretrain: [], train: [], finetune: [] };
  for (const line of linesOf(content)) {
    const entry = epochStart.test(line) ? parse(line) : null;
    const kind = kinds.get(entry?.kind);
    if (entry && kind) epochs[kind.phase].push(epochLine(entry, epochs[kind.phase].length));
  }
  return epochs;
}

/** One line at a time: the whole of a long run as one text would take twice the memory. */
function* linesOf(content: Uint8Array): Generator<string> {
  const decoder = new TextDecoder();
  for (let start = 0; start < content.length; ) {
    const found = content.indexOf(10, start);
    const end = found < 0 ? content.length : found;
    yield decoder.decode(content.subarray(start, end));
    start = end + 1;
  }
}

function take(metrics: Metrics, entry: Record<string, unknown>): void {
  const kind = kinds.get(entry.kind);
  if (!kind) return;
  const phase = metrics.phases[kind.phase];
  if (kind.line === "epoch") phase.epochs.push(epochLine(entry, phase.epochs.length));
  else takeStep(phase.steps, entry);
}

function takeStep(steps: Map<string, Series>, entry: Record<string, unknown>): void {
  const step = finite(entry.step);
  if (step === null) return;
  for (const [key, value] of Object.entries(entry)) {
    if (key === "kind" || key === "step" || key === "epoch") continue;
    if (value !== null && typeof value !== "number") continue;
    const series = steps.get(key) ?? new Series();
    series.add(step, value);
    steps.set(key, series);
  }
}

function epochLine(entry: Record<string, unknown>, index: number): EpochLine {
  const validation = record(entry.validation);
  return {
    epoch: (finite(entry.epoch) ?? index) + 1,
    seconds: finite(entry.seconds),
    loss: finite(entry.loss) ?? finite(entry.studentLoss),
    teacherLoss: finite(entry.teacherLoss),
    balancedAccuracy: finite(validation?.balancedAccuracy),
    interval: matrixInterval(validation?.confusion),
    validationLoss: finite(validation?.loss),
    pseudoCounts: numbers(entry.pseudoCounts),
    pseudoTrueCounts: numbers(entry.pseudoTrueCounts),
    samplingWeights: numbers(entry.samplingWeights),
    neverPredicted: Array.isArray(entry.neverPredicted) ? entry.neverPredicted.map(String) : [],
    pseudoQuality: labelQuality(entry.pseudoQuality),
  };
}

function labelQuality(value: unknown): LabelQuality | null {
  const quality = record(value);
  const all = labelFigures(quality);
  if (!quality || !all) return null;
  const name = record(quality.minority)?.class;
  const confident = record(quality.confident);
  const sure = labelFigures(confident);
  return {
    ...all,
    rarest: typeof name === "string" ? name : null,
    confident: sure && { ...sure, share: finite(confident?.share) },
  };
}

function labelFigures(value: Record<string, unknown> | null): LabelFigures | null {
  if (!Array.isArray(value?.precision) || !Array.isArray(value.recall)) return null;
  return {
    accuracy: finite(value.accuracy),
    precision: value.precision.map(finite),
    recall: value.recall.map(finite),
    meanPrecision: finite(value.meanPrecision),
    meanRecall: finite(value.meanRecall),
  };
}

function matrixInterval(value: unknown): Interval | null {
  const rows = Array.isArray(value) ? value.map(numbers) : [];
  const square = rows.every((row) => row !== null && row.length === rows.length);
  return square ? balancedAccuracyInterval(rows as number[][]) : null;
}

function noteBroken(notes: string[], broken: readonly number[], lines: number): void {
  if (broken.at(-1) === lines && lines > 0)
    notes.push("The last line of metrics.jsonl is cut off, as after a kill while it was written. It is left out.");
  const inside = broken.filter((number) => number !== lines);
  if (inside.length > 0)
    notes.push(`metrics.jsonl: ${inside.length} unreadable lines are left out, the first is line ${inside[0]}.`);
}

function noteUnusable({ phases, notes }: Metrics): void {
  for (const [phase, { steps }] of Object.entries(phases))
    for (const [key, { unusable, empty }] of steps)
      if (unusable > 0 && !empty)
        notes.push(`metrics.jsonl: ${unusable} values of ${key} (${phase}) are not finite numbers and are left out.`);
}

function emptyPhase(): PhaseMetrics {
  return { steps: new Map(), epochs: [] };
}

function parse(line: string): Record<string, unknown> | null {
  try {
    return record(JSON.parse(line));
  } catch {
    return null;
  }
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function numbers(value: unknown): number[] | null {
  return Array.isArray(value) && value.every((v) => finite(v) !== null) ? (value as number[]) : null;
}
