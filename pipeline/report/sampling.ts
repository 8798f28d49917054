/** How often the balancing draws the patches of each class (Fig. 7 of the paper). */
import { type Curve, draw, lineChart, MOST_SERIES, muted, type Point, seriesStyle, shorten } from "./charts.js";
import { epochAxis } from "./curves.js";
import { tick } from "./format.js";
import type { Html } from "./html.js";
import type { EpochLine } from "./metricsFile.js";

/**
 * How often a patch is drawn in an epoch, by its predicted class (Fig. 7): weight x patches / sum of weights, so 1 is the rate
 * without balancing. `samplingWeights[c]` is the weight of one patch predicted as c, on any scale.
 */
export function samplingRates({ samplingWeights, pseudoCounts }: EpochLine): (number | null)[] | null {
  if (!samplingWeights || !pseudoCounts) return null;
  const patches = pseudoCounts.reduce((a, b) => a + b, 0);
  const total = samplingWeights.reduce((sum, weight, c) => sum + weight * (pseudoCounts[c] ?? 0), 0);
  return samplingWeights.map((weight, c) => (pseudoCounts[c] && total > 0 ? (weight * patches) / total : null));
}

/** Sampling rate of each predicted class by epoch: lines, or a map where there are more classes than line styles. */
export function samplingCurves(epochs: readonly EpochLine[], classes: readonly string[]): Html | null {
  const rows = epochs.flatMap((e) => {
    const rates = samplingRates(e);
    return rates ? [{ epoch: e.epoch, rates }] : [];
  });
  if (rows.length === 0) return null;
  if (classes.length > MOST_SERIES) return samplingMap(rows, classes);
  const curves = classes.map((name, c): Curve => {
    const points = rows.map(({ epoch, rates }): Point => [epoch, rates[c] ?? null]);
    return { name, ...seriesStyle(c), points, marked: rows.length <= 30 };
  });
  const values = rows.flatMap(({ rates }) => rates).filter((r) => r !== null);
  const [low, high] = [Math.min(1, ...values), Math.max(1, ...values)].map(Math.log2) as [number, number];
  return lineChart(
    { id: "sampling", label: "Draws per patch and epoch by predicted class", height: 350 },
    {
      x: epochAxis(rows.map(({ epoch }) => [epoch, 0])),
      y: {
        title: "draws per patch and epoch (log scale; 1 = unbalanced)",
        log2: true,
        min: 2 ** Math.floor(low),
        max: 2 ** Math.ceil(high),
        format: tick,
      },
      curves,
      marks: [{ text: "", y: 1 }],
    },
  );
}

function samplingMap(rows: readonly { epoch: number; rates: (number | null)[] }[], classes: readonly string[]): Html {
  const logs = rows.map(({ epoch, rates }) => ({
    epoch,
    values: rates.map((rate) => (rate ? Math.log2(rate) : null)),
  }));
  const extent = Math.max(1, ...logs.flatMap(({ values }) => values.map((v) => Math.abs(v ?? 0))));
  return epochMap({ id: "sampling", label: "Draws per patch and epoch by predicted class" }, logs, classes, {
    range: [-extent, extent],
    ends: [tick(short(2 ** -extent)), `${tick(short(2 ** extent))} draws per patch`],
    colors: ["#8c510a", "#dfc27d", "#f5f5f5", "#80cdc1", "#01665e"],
  });
}

/** The colours of a map: values and words at its two ends. */
export interface MapScale {
  range: [low: number, high: number];
  ends: [low: string, high: string];
  colors: string[];
}

/** A value of each class by epoch as a map, for more classes than there are line styles. Null is left empty. */
export function epochMap(
  { id, label }: { id: string; label: string },
  rows: readonly { epoch: number; values: readonly (number | null)[] }[],
  classes: readonly string[],
  { range, ends, colors }: MapScale,
): Html {
  const data = rows.flatMap(({ values }, i) => classes.map((_, c) => [i, c, values[c] ?? "-"] as (number | string)[]));
  const axisLabel = { color: muted, fontSize: 11 };
  return draw(
    { id, label, height: 110 + 15 * classes.length },
    {
      grid: { left: 8, right: 14, top: 12, bottom: 78, outerBoundsMode: "same" },
      xAxis: {
        type: "category",
        data: rows.map((r) => String(r.epoch)),
        name: "epoch",
        nameLocation: "middle",
        nameGap: 24,
        nameTextStyle: { color: muted },
        axisLabel,
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: classes.map((name) => shorten(name, 18)),
        axisLabel: { ...axisLabel, interval: 0 },
      },
      visualMap: {
        min: range[0],
        max: range[1],
        orient: "horizontal",
        left: "center",
        bottom: 2,
        calculable: false,
        itemHeight: 220,
        textStyle: { color: muted },
        text: [ends[1], ends[0]],
        inRange: { color: colors },
      },
      series: [{ type: "heatmap", data, silent: true, itemStyle: { borderColor: "var(--paper)", borderWidth: 0.5 } }],
    },
  );
}

function short(value: number): number {
  return Number(value.toPrecision(2));
}
