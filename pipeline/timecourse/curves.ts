/** Means over wells with their bands, and one number per well and class that sums up its course. Needs no Node. */
import { halfInterval, mean, standardDeviation } from "../statistics/tests.js";
import type { WellSeries } from "./series.js";

/** Mean over the wells of a condition at one time. Shares are 0..1. */
export interface CurvePoint {
  readonly hours: number;
  /** Wells that had colonies then, and their colonies. */
  readonly wells: number;
  readonly colonies: number;
  readonly mean: number;
  /** Of the wells; null for one well. */
  readonly sd: number | null;
  /** Ends of the 95 % interval of the mean by Student's t over wells, cut at 0 and 1; null for one well. */
  readonly band: readonly [low: number, high: number] | null;
}

/** The course of a class in a condition. */
export interface ClassCurve {
  readonly condition: string;
  /** Index of the class. */
  readonly class: number;
  readonly points: readonly CurvePoint[];
}

/** One curve per condition and class; times at which no well had a colony are left out. */
export function classCurves(
  wells: readonly WellSeries[],
  conditions: readonly string[],
  classes: number,
): ClassCurve[] {
  return conditions.flatMap((condition) => {
    const own = wells.filter((well) => well.condition === condition);
    const times = [...new Set(own.flatMap(({ hours }) => hours))].sort((a, b) => a - b);
    return Array.from({ length: classes }, (_, c) => ({
      condition,
      class: c,
      points: times.map((hours) => pointAt(own, hours, c)),
    }));
  });
}

function pointAt(wells: readonly WellSeries[], hours: number, c: number): CurvePoint {
  const there = wells.flatMap((well) => {
    const at = well.hours.indexOf(hours);
    return at < 0 ? [] : [{ share: well.shares[at]?.[c] ?? 0, colonies: well.colonies[at] ?? 0 }];
  });
  const values = there.map(({ share }) => share);
  const centre = mean(values);
  const half = halfInterval(values);
  return {
    hours,
    wells: values.length,
    colonies: there.reduce((sum, { colonies }) => sum + colonies, 0),
    mean: centre,
    sd: standardDeviation(values),
    band: half === null ? null : [Math.max(0, centre - half), Math.min(1, centre + half)],
  };
}

/**
 * What is compared between conditions:
 * - `mean`: share averaged over time, the area under the curve (trapezia) divided by its length
 * - `slope`: change of the share per hour, by least squares
 * - `last`: share at the well's last time
 */
export const summaries = ["mean", "slope", "last"] as const;
export type Summary = (typeof summaries)[number];

/** The number of one well and class; null where its times do not suffice (a slope needs two). */
export function summarise({ hours, shares }: WellSeries, c: number, summary: Summary): number | null {
  const values = shares.map((row) => row[c] ?? 0);
  if (summary === "last") return values.at(-1) ?? null;
  return summary === "mean" ? timeAverage(hours, values) : leastSquaresSlope(hours, values);
}

function timeAverage(hours: readonly number[], values: readonly number[]): number | null {
  const [first, last] = [hours[0], hours.at(-1)];
  if (first === undefined || last === undefined) return null;
  if (first === last) return values[0] ?? null;
  let area = 0;
  for (let i = 1; i < hours.length; i++) area += ((values[i]! + values[i - 1]!) / 2) * (hours[i]! - hours[i - 1]!);
  return area / (last - first);
}

function leastSquaresSlope(hours: readonly number[], values: readonly number[]): number | null {
  const [x, y] = [mean(hours), mean(values)];
  const spread = hours.reduce((sum, hour) => sum + (hour - x) ** 2, 0);
  if (!(spread > 0)) return null;
  return hours.reduce((sum, hour, i) => sum + (hour - x) * (values[i]! - y), 0) / spread;
}
