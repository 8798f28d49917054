import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PredictionTable } from "../../../pipeline/run/predictions.js";
import type { TimeCourseOptions } from "../../../pipeline/timecourse/timecourse.js";

interface Curve {
  condition: string;
  class: string;
  hours: number;
  wells: number;
  mean: number;
  sd: number;
  low: number;
  high: number;
}

/** What NumPy and SciPy say (test/fixtures/make_timecourse.py). */
export interface Fixture {
  pairs: {
    a: number[];
    b: number[];
    welch: { statistic: number; p: number; df: number; low: number; high: number };
    rankSum: { statistic: number; p: number; how: string };
  }[];
  groups: { groups: number[][]; statistic: number; p: number }[];
  classes: string[];
  rows: { well: string; time: string; condition: string; class: string; area: number }[];
  courses: {
    weight: "count" | "area";
    hoursPerFrame: number;
    curves: Curve[];
    wells: { well: string; mean: number[]; slope: number[]; last: number[] }[];
  }[];
}

export const fixture = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../fixtures/timecourse.json"), "utf8"),
) as Fixture;

/** A table of predictions; columns are those of the first row. */
export function tableOf(
  classes: readonly string[],
  rows: readonly ({ class: string } & Record<string, string | number>)[],
): PredictionTable {
  const columns = Object.keys(rows[0] ?? {}).filter((name) => name !== "class");
  return {
    classes: [...classes],
    columns,
    rows: rows.map((row, i) => ({
      ...{ file: `${i}.png`, predicted: classes.indexOf(row.class), truth: null },
      probabilities: classes.map((name) => (name === row.class ? 1 : 0)),
      more: Object.fromEntries(columns.map((name) => [name, String(row[name])])),
    })),
  };
}

export const defaults: TimeCourseOptions = {
  ...{ by: "condition", replicate: ["well"], weight: "count", summary: "mean" },
  ...{ hoursPerFrame: 1, bin: null, control: null },
};
