/** Values of several runs by epoch, joined. */
import type { Curve, SeriesStyle } from "../report/charts.js";
import type { EpochLine } from "../report/metricsFile.js";
import { mean, standardDeviation } from "../statistics/tests.js";

export interface EpochMean {
  epoch: number;
  mean: number;
  /** Null for one run. */
  sd: number | null;
  low: number;
  high: number;
}

/** Mean over the runs that have a value in an epoch. @param runs the epochs of each run */
export function meanByEpoch(
  runs: readonly (readonly EpochLine[])[],
  value: (line: EpochLine) => number | null,
): EpochMean[] {
  const found = new Map<number, number[]>();
  for (const line of runs.flat()) {
    const v = value(line);
    if (v !== null) found.set(line.epoch, [...(found.get(line.epoch) ?? []), v]);
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([epoch, values]) => ({
      epoch,
      mean: mean(values),
      sd: standardDeviation(values),
      low: Math.min(...values),
      high: Math.max(...values),
    }));
}

/**
 * A line through the means; the band is one standard deviation, or from the lowest to the highest run.
 * @param epochs all that the runs have, where the line has a gap at those without a mean (default: no gaps)
 */
export function meanCurve(
  name: string,
  style: SeriesStyle,
  means: readonly EpochMean[],
  band: "sd" | "range" = "sd",
  least = Number.NEGATIVE_INFINITY,
  epochs: readonly number[] = means.map(({ epoch }) => epoch),
): Curve {
  const at = new Map(means.map((one) => [one.epoch, one]));
  const limits = epochs.flatMap((x) => {
    const {
      mean: middle,
      sd,
      low,
      high,
    } = at.get(x) ?? { mean: Number.NaN, sd: Number.NaN, low: Number.NaN, high: Number.NaN };
    if (sd === null) return [];
    if (band === "range") return [{ x, low, high }];
    return [{ x, low: Math.max(least, middle - sd), high: middle + sd }];
  });
  const points = epochs.map((x): [number, number | null] => [x, at.get(x)?.mean ?? null]);
  const gaps = points.length > means.length;
  const banded = limits.filter(({ low }) => !Number.isNaN(low)).length > 1;
  return { name, ...style, points, marked: gaps || points.length <= 15, ...(banded && { band: limits }) };
}
