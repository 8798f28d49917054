import { UserError } from "../../engine/errors.js";
import type { Evaluation } from "../metrics.js";
import { groupRuns, type RunGroup } from "./groups.js";
import type { FinishedRun } from "./runs.js";
import {
  holm,
  leastPairsForWilcoxon,
  mean,
  pairedTTest,
  standardDeviation,
  type TestOutcome,
  unpairedTTest,
  wilcoxonTest,
} from "./tests.js";

/** Figures of one value over the runs of a configuration. */
export interface Cell {
  mean: number | null;
  /** Standard deviation (n - 1); null for fewer than 2 values. */
  std: number | null;
  /** Runs that have this value: a precision 0/0 is left out. */
  n: number;
  /** The highest mean of its column. */
  best: boolean;
}

/** One figure of merit: a row per configuration, a column per class and for the average, or the averages alone. */
export interface MetricTable {
  metric: string;
  title: string;
  columns: string[];
  rows: { configuration: string; runs: number; cells: Cell[] }[];
}

/** Averages over classes that can be tested. */
export const testedMetrics = ["balancedAccuracy", "macroF1", "precision", "auroc", "accuracy"] as const;
export type TestedMetric = (typeof testedMetrics)[number];

export const metricTitles: Record<TestedMetric, string> = {
  balancedAccuracy: "balanced accuracy",
  macroF1: "F1",
  precision: "precision",
  auroc: "AUROC",
  accuracy: "accuracy",
};

/** A test of two configurations; p as it is and after Holm's correction over all comparisons by the same test. */
export type CorrectedTest = TestOutcome & { corrected: number | null };

export interface TestedPair {
  a: string;
  b: string;
  /** Mean of a minus mean of b. */
  difference: number | null;
  /** Pairs of the same fold and seed. */
  pairs: number;
  student: CorrectedTest;
  paired: CorrectedTest;
  wilcoxon: CorrectedTest;
}

/** Everything that `equipoise table` shows. */
export interface ResultTable {
  classes: string[];
  tables: MetricTable[];
  tests: { metric: TestedMetric; against: string | null; comparisons: TestedPair[] };
  /** What a reader must know, in whole sentences. */
  notes: string[];
}

export interface TableOptions {
  /** What the tests compare. Default: balanced accuracy. */
  metric?: TestedMetric;
  /** Compare all others with this configuration (its label, or its name where only one has it); default: every pair. */
  against?: string;
}

const perClassMetrics = [
  ["recall", "Recall (true TPR = TP / (TP + FN)); the average is the balanced accuracy"],
  ["precision", 'Precision (TP / (TP + FP)); compare the published "TPR" with this'],
  ["f1", "F1"],
  ["auroc", "AUROC (one class against the rest)"],
] as const;

/**
 * Mean and standard deviation over folds and seeds, and the tests between configurations.
 * @throws UserError for no runs, runs that do not belong together, or an unknown `against`
 */
export function resultTable(runs: readonly FinishedRun[], options: TableOptions = {}): ResultTable {
  const classes = runs[0]?.classes;
  if (classes === undefined) throw new UserError("no finished run: a run has a result.json when it is done");
  const groups = groupRuns(runs);
  const metric = options.metric ?? "balancedAccuracy";
  const against = options.against === undefined ? null : chosen(groups, options.against);
  const perClass = perClassMetrics.map(([key, title]) =>
    metricTable(groups, key, title, [...classes, "average"], (run) => [
      ...run.student.perClass.map((one) => one[key]),
      knownMean(run.student.perClass.map((one) => one[key])),
    ]),
  );
  const overall = metricTable(groups, "overall", "Averages", Object.values(metricTitles), (run) =>
    testedMetrics.map((key) => averageOf(run.student, key)),
  );
  const comparisons = compareGroups(groups, metric, against);
  return {
    classes,
    tables: [...perClass, overall],
    tests: { metric, against: against?.label ?? null, comparisons },
    notes: notesOn(runs, groups, comparisons),
  };
}

/** The value of a run that enters a test. */
export function averageOf(evaluation: Evaluation, metric: TestedMetric): number | null {
  return metric === "precision" ? knownMean(evaluation.perClass.map((one) => one.precision)) : evaluation[metric];
}

function metricTable(
  groups: readonly RunGroup[],
  metric: string,
  title: string,
  columns: string[],
  values: (run: FinishedRun) => (number | null)[],
): MetricTable {
  const rows = groups.map(({ label, runs }) => {
    const all = runs.map(values);
    const cells = columns.map((_, c) => cell(all.map((row) => row[c] ?? null).filter((v) => v !== null)));
    return { configuration: label, runs: runs.length, cells };
  });
  for (const c of columns.keys()) {
    const highest = Math.max(...rows.map((row) => row.cells[c]?.mean ?? Number.NEGATIVE_INFINITY));
    if (rows.length > 1) for (const row of rows) row.cells[c]!.best = row.cells[c]!.mean === highest;
  }
  return { metric, title, columns, rows };
}

function cell(values: readonly number[]): Cell {
  const n = values.length;
  return { mean: n === 0 ? null : mean(values), std: standardDeviation(values), n, best: false };
}

function compareGroups(groups: readonly RunGroup[], metric: TestedMetric, against: RunGroup | null): TestedPair[] {
  const chosenPairs = groups.flatMap((a, i) =>
    groups.slice(i + 1).flatMap((b): [RunGroup, RunGroup][] => {
      if (against === null) return [[a, b]];
      return b === against ? [[a, b]] : a === against ? [[b, a]] : [];
    }),
  );
  const raw = chosenPairs.map(([a, b]) => compare(a, b, metric));
  const correct = (test: "student" | "paired" | "wilcoxon") => holm(raw.map((one) => one[test].p));
  const corrected = { student: correct("student"), paired: correct("paired"), wilcoxon: correct("wilcoxon") };
  return raw.map((one, i) => ({
    ...one,
    student: { ...one.student, corrected: corrected.student[i] ?? null },
    paired: { ...one.paired, corrected: corrected.paired[i] ?? null },
    wilcoxon: { ...one.wilcoxon, corrected: corrected.wilcoxon[i] ?? null },
  }));
}

function compare(a: RunGroup, b: RunGroup, metric: TestedMetric) {
  const known = ({ runs }: RunGroup) =>
    runs.flatMap((run) => {
      const value = averageOf(run.student, metric);
      return value === null ? [] : [{ key: `${run.fold}/${run.seed}`, value }];
    });
  const [left, right] = [known(a), known(b)];
  const other = new Map(right.map(({ key, value }) => [key, value]));
  const pairs = left.flatMap(({ key, value }) => {
    const partner = other.get(key);
    return partner === undefined ? [] : [[value, partner] as const];
  });
  const [ours, theirs] = [left.map((one) => one.value), right.map((one) => one.value)];
  return {
    a: a.label,
    b: b.label,
    difference: ours.length > 0 && theirs.length > 0 ? mean(ours) - mean(theirs) : null,
    pairs: pairs.length,
    student: unpairedTTest(ours, theirs),
    paired: pairedTTest(pairs),
    wilcoxon: wilcoxonTest(pairs),
  };
}

function chosen(groups: readonly RunGroup[], name: string): RunGroup {
  const exact = groups.filter(({ label }) => label === name);
  const [found, second] = exact.length > 0 ? exact : groups.filter(({ runs }) => runs[0]?.config.config === name);
  if (found !== undefined && second === undefined) return found;
  const all = groups.map(({ label }) => `"${label}"`).join(", ");
  throw new UserError(
    `--against ${name}: ${found ? "several configurations are called so" : "not in these runs"}; there are ${all}`,
  );
}

function notesOn(runs: readonly FinishedRun[], groups: readonly RunGroup[], pairs: readonly TestedPair[]): string[] {
  const notes = [
    'Recall is the true TPR, TP / (TP + FN). What Witmer & Bhanu (2024) call TPR in Tables 2, 3 and 5 divides by the predicted counts: it is precision. Compare their "TPR" with the precision here; their F1 is F1.',
    "Mean (standard deviation, n - 1) over folds and seeds of the student on its test part; a quotient 0/0 is left out.",
  ];
  if (pairs.length > 0)
    notes.push(
      "Tests are two-sided. Student: unpaired t-test, as in the article. Paired t-test and Wilcoxon: over pairs of the same fold and seed. Holm: corrected over the comparisons of this table. Folds share training images, so all of these are optimistic.",
    );
  if (pairs.some(({ wilcoxon }) => wilcoxon.p !== null && wilcoxon.n < leastPairsForWilcoxon))
    notes.push(`With fewer than ${leastPairsForWilcoxon} pairs that differ, Wilcoxon's p cannot fall below 0.05.`);
  const sizes = new Set(groups.map((group) => group.runs.length));
  if (sizes.size > 1) notes.push(`The configurations do not have equally many runs (${[...sizes].join(", ")}).`);
  const folders = new Set(runs.flatMap(({ data }) => (data === null ? [] : [data])));
  if (folders.size > 1)
    notes.push(`The runs name ${folders.size} folders of images; figures on different images do not compare.`);
  return notes;
}

function knownMean(values: readonly (number | null)[]): number | null {
  const known = values.filter((v) => v !== null);
  return known.length === 0 ? null : mean(known);
}
