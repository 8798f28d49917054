import { duration, percent } from "../pipeline/format.js";
import type { Evaluation } from "../pipeline/metrics.js";
import type { EvaluationResult, RunResult } from "./actions.js";

/** Rows of text in aligned columns; the first column to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(cell).join("  ").trimEnd()).join("\n");
}

/** The outcome of an evaluation: balanced accuracies side by side (ensemble: the mean of both), then the classes of the student. */
export function formatEvaluation(result: EvaluationResult): string {
  const { chance, majority, teacher, student, ensemble } = result;
  const columns: [string, number | null][] = [
    ["chance", chance],
    ["majority", majority],
    ...(teacher ? [["teacher", teacher.balancedAccuracy] as [string, number | null]] : []),
    [teacher ? "student" : "network", student.balancedAccuracy],
    ...(ensemble ? [["ensemble", ensemble.balancedAccuracy] as [string, number | null]] : []),
  ];
  const summary = [
    ["", ...columns.map(([name]) => name)],
    ["balanced accuracy", ...columns.map(([, value]) => percent(value))],
  ];
  return `${table(summary)}\n\n${formatClasses(student)}`;
}

/** The outcome of a run: what was measured, how long it took and where it is. */
export function formatRun(result: RunResult, folder: string): string {
  const best = result.bestEpoch === null ? "" : `, best epoch ${result.bestEpoch + 1}`;
  const tuned = result.finetuned ? ", fine-tuned" : "";
  return `${formatEvaluation(result)}\n\n${duration(result.seconds)}${best}${tuned}; run folder ${folder}`;
}

function formatClasses({ n, perClass, macroF1, auroc }: Evaluation): string {
  const rows = perClass.map((one) => [
    one.class,
    String(one.support),
    percent(one.recall),
    percent(one.precision),
    percent(one.f1),
    percent(one.auroc),
  ]);
  const head = ["class", "images", "recall", "precision", "F1", "AUROC"];
  return table([head, ...rows, ["all", String(n), "", "", percent(macroF1), percent(auroc)]]);
}

/** `1 image`, `2 images`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
