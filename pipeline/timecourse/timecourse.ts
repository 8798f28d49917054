/** The whole time course: series of wells, curves of conditions, tests between them. Needs no Node. */
import { UserError } from "../../engine/errors.js";
import type { PredictionTable } from "../run/predictions.js";
import { holm, type TestOutcome } from "../statistics/tests.js";
import { type ClassCurve, classCurves, type Summary, summarise } from "./curves.js";
import { naturally, type SeriesOptions, seriesOf, type WellSeries } from "./series.js";
import { type Difference, differenceOf, kruskalTest, leastRankSumP, rankSumTest, welchTest } from "./tests.js";

export interface TimeCourseOptions extends SeriesOptions {
  readonly summary: Summary;
  /** Condition that the others are compared with; null: every pair. */
  readonly control: string | null;
}

/** A test with its p-value corrected over all tests of its kind (Holm); null where there was none. */
export type CorrectedTest = TestOutcome & { readonly corrected: number | null };

/** A class in two conditions: `b` minus `a`, over wells. */
export interface Comparison {
  /** Index of the class. */
  readonly class: number;
  readonly a: string;
  readonly b: string;
  readonly wells: readonly [number, number];
  readonly means: readonly [number | null, number | null];
  /** Null where a condition has no well. */
  readonly difference: Difference | null;
  readonly welch: CorrectedTest;
  readonly rankSum: CorrectedTest;
}

/** A class over all conditions, where there are more than two. */
export interface Overall {
  readonly class: number;
  readonly kruskal: CorrectedTest;
}

/** The number that sums up a well's course, per class; null where it cannot be computed. */
export interface WellSummary {
  readonly well: string;
  readonly condition: string;
  readonly values: readonly (number | null)[];
}

export interface TimeCourse {
  readonly options: TimeCourseOptions;
  readonly classes: readonly string[];
  /** In natural order, the control first. */
  readonly conditions: readonly string[];
  readonly wells: readonly WellSeries[];
  readonly curves: readonly ClassCurve[];
  readonly summaries: readonly WellSummary[];
  readonly comparisons: readonly Comparison[];
  readonly overall: readonly Overall[];
  /** What the reader must know, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Compares the conditions of a table of predictions over time.
 * @param place names the table in messages
 * @throws UserError as `seriesOf`, and for a control that no well has
 */
export function timeCourse(table: PredictionTable, options: TimeCourseOptions, place: string): TimeCourse {
  const { wells, notes } = seriesOf(table, options, place);
  const conditions = orderedConditions(wells, options, place);
  const { classes } = table;
  const summaries = wells.map((well) => ({
    well: well.well,
    condition: well.condition,
    values: classes.map((_, c) => summarise(well, c, options.summary)),
  }));
  const valuesOf = (condition: string, c: number) =>
    summaries.flatMap((one) =>
      one.condition === condition && one.values[c] !== null ? [one.values[c] as number] : [],
    );
  return {
    ...{ options, classes, conditions, wells, summaries },
    curves: classCurves(wells, conditions, classes.length),
    comparisons: comparisonsOf(conditions, classes.length, options.control, valuesOf),
    overall: overallOf(conditions, classes.length, valuesOf),
    notes: [...notes, ...designNotes(wells, conditions, options)],
  };
}

/** Wells of a condition. */
export function wellsOf(wells: readonly WellSeries[], condition: string): WellSeries[] {
  return wells.filter((well) => well.condition === condition);
}

function orderedConditions(wells: readonly WellSeries[], { control, by }: TimeCourseOptions, place: string): string[] {
  const all = [...new Set(wells.map(({ condition }) => condition))].sort(naturally);
  if (control === null) return all;
  if (!all.includes(control))
    throw new UserError(`${place}: no well has ${by} "${control}"; --control is one of ${all.join(", ")}`);
  return [control, ...all.filter((condition) => condition !== control)];
}

type ValuesOf = (condition: string, c: number) => number[];

function comparisonsOf(
  conditions: readonly string[],
  classes: number,
  control: string | null,
  valuesOf: ValuesOf,
): Comparison[] {
  const pairs = conditions.flatMap((a, i) =>
    control !== null && i > 0 ? [] : conditions.slice(i + 1).map((b) => [a, b]),
  );
  const bare = Array.from({ length: classes }, (_, c) =>
    pairs.map(([a = "", b = ""]) => {
      const [va, vb] = [valuesOf(a, c), valuesOf(b, c)];
      const average = (values: number[]) =>
        values.length === 0 ? null : values.reduce((x, y) => x + y, 0) / values.length;
      return {
        ...{ class: c, a, b, wells: [va.length, vb.length] as const, means: [average(va), average(vb)] as const },
        difference: va.length > 0 && vb.length > 0 ? differenceOf(vb, va) : null,
        welch: welchTest(vb, va),
        rankSum: rankSumTest(vb, va),
      };
    }),
  ).flat();
  const [welch, rankSum] = [corrected(bare.map((one) => one.welch)), corrected(bare.map((one) => one.rankSum))];
  return bare.map((one, i) => ({ ...one, welch: welch[i]!, rankSum: rankSum[i]! }));
}

function overallOf(conditions: readonly string[], classes: number, valuesOf: ValuesOf): Overall[] {
  if (conditions.length < 3) return [];
  const tests = Array.from({ length: classes }, (_, c) => kruskalTest(conditions.map((name) => valuesOf(name, c))));
  return corrected(tests).map((kruskal, c) => ({ class: c, kruskal }));
}

function corrected(tests: readonly TestOutcome[]): CorrectedTest[] {
  const ps = holm(tests.map(({ p }) => p));
  return tests.map((test, i) => ({ ...test, corrected: ps[i] ?? null }));
}

/** What limits the conclusions that this plate allows. */
function designNotes(
  wells: readonly WellSeries[],
  conditions: readonly string[],
  { summary, bin }: TimeCourseOptions,
): string[] {
  const notes: string[] = [];
  const sizes = conditions.map((condition) => wellsOf(wells, condition).length);
  const few = conditions.filter((_, i) => sizes[i]! < 2);
  if (conditions.length < 2) notes.push(`There is one condition only, ${conditions[0]}: nothing can be compared.`);
  else if (few.length > 0)
    notes.push(
      `No test is possible with ${few.join(", ")}: ${few.length > 1 ? "they have one well each" : "it has one well"}. Colonies of one well share their medium, their cells and ` +
        "their fate, so they are no replicates; how much wells differ by chance can be seen from 2 wells or more, 4 to 6 are better.",
    );
  const [n = 0, m = 0] = sizes.filter((size) => size >= 2).sort((a, b) => a - b);
  const least = m > 0 ? leastRankSumP(n, m) : 0;
  if (least >= 0.05)
    notes.push(
      `With ${n} and ${m} wells the rank-sum test cannot give less than p = ${least.toPrecision(2)}, whatever the data; ` +
        "4 and 4 wells, or 3 and 5, are the fewest with which it can fall below 0.05.",
    );
  const lengths = wells.map(({ hours }) => `${hours[0]} to ${hours.at(-1)}`);
  if (new Set(lengths).size > 1 && summary !== "last")
    notes.push(
      "Not all wells have colonies over the same hours; what sums up their course is taken over the hours of each.",
    );
  const times = new Set(wells.flatMap(({ hours }) => hours)).size;
  const usual = wells.reduce((sum, { hours }) => sum + hours.length, 0) / wells.length;
  if (bin === null && times > 2 * usual)
    notes.push("Most wells have times of their own: --bin HOURS puts times that lie near each other together.");
  return notes;
}
