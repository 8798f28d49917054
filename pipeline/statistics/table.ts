import { UserError } from "../../engine/errors.js";
import { type ClosedGap, closedGaps, compareEntries, type TestedPair } from "./comparisons.js";
import {
  averageMetrics,
  chosenGroup,
  type Entry,
  entriesOf,
  expandMetrics,
  figureOf,
  knownMean,
  metricTitles,
  type NetworkChoice,
  type TestedMetric,
} from "./entries.js";
import { groupRuns, type RunGroup } from "./groups.js";
import type { FinishedRun } from "./runs.js";
import { leastPairsForWilcoxon, mean, standardDeviation } from "./tests.js";

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

/** Everything that `equipoise table` shows. */
export interface ResultTable {
  classes: string[];
  network: NetworkChoice;
  tables: MetricTable[];
  tests: { metrics: TestedMetric[]; against: string | null; comparisons: TestedPair[] };
  /** Null where none was asked for. */
  gap: { lower: string; upper: string; rows: ClosedGap[] } | null;
  /** What a reader must know, in whole sentences. */
  notes: string[];
}

export interface TableOptions {
  /** What the tests compare; `recall:*` is the recall of each class. Default: balanced accuracy alone. */
  metrics?: readonly TestedMetric[];
  /** Whose figures. Default: the student's. */
  network?: NetworkChoice;
  /** Compare all others with this configuration (its label, or another of its names where only one has it); default: every pair. */
  against?: string;
  /** The share of the gap between these two configurations that each of the others closes. */
  gap?: readonly [lower: string, upper: string];
}

const perClassMetrics = [
  ["recall", "Recall (true TPR = TP / (TP + FN)); the average is the balanced accuracy"],
  ["precision", 'Precision (TP / (TP + FP)); compare the published "TPR" with this'],
  ["f1", "F1"],
  ["auroc", "AUROC (one class against the rest)"],
] as const;

/**
 * Mean and standard deviation over folds and seeds, and the tests between configurations.
 * @throws UserError for no runs, runs that do not belong together, or an unknown configuration in `against` or `gap`
 */
export function resultTable(runs: readonly FinishedRun[], options: TableOptions = {}): ResultTable {
  const classes = runs[0]?.classes;
  if (classes === undefined) throw new UserError("no finished run: a run has a result.json when it is done");
  const { network = "student" } = options;
  const metrics = expandMetrics(options.metrics ?? ["balancedAccuracy"], classes);
  const groups = groupRuns(runs);
  const against = options.against === undefined ? null : chosenGroup(groups, "--against", options.against).label;
  const ends = options.gap === undefined ? null : gapEnds(groups, options.gap);
  const entries = entriesOf(groups, network);
  const comparisons = compareEntries(withStudents(entries, groups, against ? [against] : []), metrics, against);
  const all = ends && withStudents(entries, groups, [ends.lower, ends.upper]);
  const gap = ends && all && { ...ends, rows: closedGaps(all, metrics, ends) };
  return {
    classes,
    network,
    tables: tablesOf(entries, classes),
    tests: { metrics, against, comparisons },
    gap,
    notes: [...notesOn(runs, groups, network), ...notesOnTests(comparisons, metrics), ...(gap ? [gapNote] : [])],
  };
}

function tablesOf(entries: readonly Entry[], classes: readonly string[]): MetricTable[] {
  const perClass = perClassMetrics.map(([key, title]) =>
    metricTable(entries, key, title, [...classes, "average"], ({ perClass }) => [
      ...perClass.map((one) => one[key]),
      knownMean(perClass.map((one) => one[key])),
    ]),
  );
  const overall = metricTable(entries, "overall", "Averages", Object.values(metricTitles), (evaluation) =>
    averageMetrics.map((key) => figureOf(evaluation, key)),
  );
  return [...perClass, overall];
}

function metricTable(
  entries: readonly Entry[],
  metric: string,
  title: string,
  columns: string[],
  values: (evaluation: Entry["runs"][number]["evaluation"]) => (number | null)[],
): MetricTable {
  const rows = entries.map(({ label, runs }) => {
    const all = runs.map(({ evaluation }) => values(evaluation));
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

function gapEnds(groups: readonly RunGroup[], [from, to]: readonly [string, string]) {
  const [lower, upper] = [from, to].map((name) => chosenGroup(groups, "--gap", name).label) as [string, string];
  if (lower === upper) throw new UserError(`--gap ${from} ${to}: both are ${lower}; name two configurations`);
  return { lower, upper };
}

/** The rows and, where they are teachers or ensembles, the students of those configurations that have nothing else. */
function withStudents(entries: readonly Entry[], groups: readonly RunGroup[], configurations: readonly string[]) {
  const lacking = groups.filter(
    ({ label }) => configurations.includes(label) && !entries.some(({ configuration }) => configuration === label),
  );
  return lacking.length === 0 ? entries : [...entries, ...entriesOf(lacking, "student")];
}

const gapNote =
  "Share of the gap closed: (mean - mean of the lower end) / (mean of the upper end - mean of the lower end), over the folds and seeds that all three have. Intervals: 95 %, by Fieller's theorem for a quotient of paired means (J. R. Stat. Soc. B 16, 1954, 175-185), each for itself, without a correction for their number; 0 lies outside exactly when the paired t-test against the lower end has p < 0.05.";

function notesOn(runs: readonly FinishedRun[], groups: readonly RunGroup[], network: NetworkChoice): string[] {
  const whose = {
    student: "the student",
    teacher: "the teacher",
    ensemble: "the mean of teacher and student",
    all: "student, teacher and the mean of both",
  }[network];
  const notes = [
    'Recall is the true TPR, TP / (TP + FN). What Witmer & Bhanu (2024) call TPR in Tables 2, 3 and 5 divides by the predicted counts: it is precision. Compare their "TPR" with the precision here; their F1 is F1.',
    `Mean (standard deviation, n - 1) over folds and seeds, of ${whose}; a quotient 0/0 is left out.`,
  ];
  const without = groups.filter((group) => group.runs.every((run) => run.teacher === null));
  if (network !== "student" && without.length > 0)
    notes.push(`Without a teacher: ${without.map(({ label }) => label).join(", ")}.`);
  const sizes = new Set(groups.map((group) => group.runs.length));
  if (sizes.size > 1) notes.push(`The configurations do not have equally many runs (${[...sizes].join(", ")}).`);
  const folders = new Set(runs.flatMap(({ data }) => (data === null ? [] : [data])));
  if (folders.size > 1)
    notes.push(`The runs name ${folders.size} folders of images; figures on different images do not compare.`);
  return notes;
}

function notesOnTests(pairs: readonly TestedPair[], metrics: readonly TestedMetric[]): string[] {
  if (pairs.length === 0) return [];
  const metricCount = metrics.length > 1 ? ` on ${metrics.length} metrics` : "";
  const notes = [
    `Tests are two-sided. Student: unpaired t-test, as in the article. Paired t-test and Wilcoxon: over pairs of the same fold and seed. Holm: the family is the ${pairs.length} comparisons${metricCount} of this call, for each of the three tests by itself; comparisons without a p-value do not count. Folds share training images, so all of these are optimistic.`,
  ];
  if (pairs.some(({ wilcoxon }) => wilcoxon.p !== null && wilcoxon.n < leastPairsForWilcoxon))
    notes.push(`With fewer than ${leastPairsForWilcoxon} pairs that differ, Wilcoxon's p cannot fall below 0.05.`);
  return notes;
}
