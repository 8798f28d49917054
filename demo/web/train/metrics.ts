/** What the lines of `metrics.jsonl` say, for charts. Works on texts alone. */

/** A line of metrics: fields by name, numbers, lists and texts. */
export type Line = { readonly kind: string } & Readonly<Record<string, unknown>>;

export function parseLine(text: string): Line {
  return JSON.parse(text) as Line;
}

export interface Point {
  /** Steps from the beginning of the run. */
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  /** Number of its colour. */
  readonly colour: number;
  readonly points: readonly Point[];
}

const phases = ["pretrain-step", "step", "finetune-step"] as const;

const drawn = [
  { kind: "pretrain-step", field: "loss", name: "teacher, pre-training", alone: "network", colour: 1 },
  { kind: "step", field: "teacherLoss", name: "teacher", alone: "teacher", colour: 1 },
  { kind: "step", field: "studentLoss", name: "student", alone: "student", colour: 0 },
  { kind: "finetune-step", field: "loss", name: "student, fine-tuning", alone: "network, fine-tuning", colour: 0 },
] as const;

/** Losses over all steps of the run. The phases follow each other. @param hasTeacher false: one network */
export function lossSeries(lines: readonly Line[], hasTeacher: boolean): Series[] {
  const last = phases.map((kind) => Math.max(0, ...lines.filter((line) => line.kind === kind).map(stepOf)));
  const before = new Map(phases.map((kind, i) => [kind as string, last.slice(0, i).reduce((a, b) => a + b, 0)]));
  return drawn.flatMap(({ kind, field, name, alone, colour }) => {
    const points = lines
      .filter((line) => line.kind === kind && typeof line[field] === "number")
      .map((line) => ({ x: (before.get(kind) ?? 0) + stepOf(line), y: line[field] as number }));
    return points.length > 0 ? [{ name: hasTeacher ? name : alone, colour, points }] : [];
  });
}

function stepOf({ step }: Line): number {
  return typeof step === "number" ? step : 0;
}

/** The last epoch that has such a field, which is a list. */
export function lastList<T>(lines: readonly Line[], field: string): T[] | null {
  const value = lines.findLast((line) => Array.isArray(line[field]))?.[field];
  return (value as T[] | undefined) ?? null;
}

/** Confusion on the validation part after the last epoch, rows are the true classes; null: no epoch yet. */
export function lastConfusion(lines: readonly Line[]): number[][] | null {
  const validation = lines.findLast((line) => isRecord(line.validation))?.validation;
  return isRecord(validation) && Array.isArray(validation.confusion) ? (validation.confusion as number[][]) : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Round values from 0, at most six: 0, 0.5, 1, ... */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((n) => n * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}
