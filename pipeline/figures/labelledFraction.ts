/** Figure 8: accuracy over the labelled fraction. */
import { lineChart, MOST_SERIES, type Point, seriesStyle } from "../report/charts.js";
import { percent } from "../report/format.js";
import { groupRuns } from "../statistics/groups.js";
import { mean, standardDeviation } from "../statistics/tests.js";
import type { FigureRun } from "./load.js";
import { type Panel, sheet } from "./sheet.js";
import type { Draft, FigureContext, FigureGroup } from "./types.js";
import { originText, runsText, sentences } from "./words.js";

const SIZE = { width: 430, height: 290 };

interface FractionMean {
  fraction: number;
  mean: number;
  sd: number | null;
  n: number;
}

const measures = [
  ["balanced accuracy", "balancedAccuracy"],
  ["accuracy (all images)", "accuracy"],
] as const;

export function labelledFractionFigure({ groups, chosen }: FigureContext): Draft {
  const from = (chosen.length > 0 ? chosen : groups).flatMap((group) => group.runs);
  const able = from.filter((run) => run.result && fractionOf(run) !== null);
  if (able.length === 0) return "no finished run has a labelled fraction (data.split benchmark)";
  const curves = groupRuns(able, "data.labelledFraction").filter((group) => fractionsOf(group).length > 1);
  const fractions = [...new Set(able.map(fractionOf))];
  if (curves.length === 0)
    return `all finished runs of a configuration have the same labelled fraction (${fractions.map((f) => percent(f, 0)).join(", ")}); vary data.labelledFraction`;
  const shown = curves.slice(0, MOST_SERIES);
  const runs = shown.flatMap((group) => group.runs);
  const rest = curves.slice(MOST_SERIES).map(({ label }) => label);
  const panels = measures.map(([title, key]) => chart(title, key, shown));
  return {
    drawing: sheet("Accuracy over the labelled fraction", panels, {
      columns: 2,
      ...SIZE,
      legend: shown.map(({ label }, i) => ({ text: label, style: seriesStyle(i) })),
    }),
    caption: sentences(
      "The student on the test part of its run, over the share of all labelled images whose labels it may use (L and validation together; logarithmic). The rest is U, without its labels, so U shrinks as L grows.",
      "Lines: means over runs; bands: one standard deviation (n - 1) up and down, where there are two runs or more.",
      imagesText(runs),
      ...shown.map((group) => countsText(group)),
      rest.length > 0 && `Left out, for want of line styles: ${rest.join(", ")}.`,
      originText(runs),
    ),
  };
}

function chart(title: string, key: "balancedAccuracy" | "accuracy", shown: readonly FigureGroup[]): Panel {
  const lines = shown.map((group) => means(group, key));
  const fractions = lines.flat().map(({ fraction }) => fraction);
  const values = lines.flat().flatMap(({ mean: middle, sd }) => [middle - (sd ?? 0), middle + (sd ?? 0)]);
  const low = Math.max(0, Math.floor(Math.min(...values) * 10) / 10);
  const high = Math.min(1, Math.ceil(Math.max(...values) * 10) / 10);
  const curves = lines.map((line, i) => {
    const band = line.flatMap(({ fraction, mean: middle, sd }) =>
      sd === null ? [] : [{ x: fraction, low: middle - sd, high: middle + sd }],
    );
    const points = line.map(({ fraction, mean: middle }): Point => [fraction, middle]);
    return { name: "", ...seriesStyle(i), points, marked: true, ...(band.length > 1 && { band }) };
  });
  const drawing = lineChart(
    { id: `fraction-${key}`, label: "", ...SIZE },
    {
      x: {
        title: "labelled fraction",
        log10: true,
        min: Math.min(...fractions) / 1.2,
        max: Math.min(1, Math.max(...fractions) * 1.2),
        ticks: [...new Set(fractions)].sort((a, b) => a - b),
        format: (v) => percent(v, v < 0.01 ? 1 : 0),
      },
      y: {
        title,
        min: low,
        max: high,
        interval: high - low < 0.15 ? 0.02 : high - low < 0.35 ? 0.05 : 0.1,
        format: (v) => percent(v, 0),
      },
      curves,
    },
  );
  return { title: "", drawing };
}

/** Null where every label is used anyway. */
function fractionOf({ config }: FigureRun): number | null {
  const { labelledFraction, split } = config.data as Record<string, unknown>;
  return typeof labelledFraction === "number" && split !== "labelled" ? labelledFraction : null;
}

function fractionsOf({ runs }: FigureGroup): number[] {
  return [...new Set(runs.map((run) => fractionOf(run)!))].sort((a, b) => a - b);
}

function means(group: FigureGroup, key: "balancedAccuracy" | "accuracy"): FractionMean[] {
  return fractionsOf(group).flatMap((fraction) => {
    const values = group.runs.flatMap((run) => {
      const value = fractionOf(run) === fraction ? run.result?.student[key] : null;
      return value === null || value === undefined ? [] : [value];
    });
    if (values.length === 0) return [];
    return [{ fraction, mean: mean(values), sd: standardDeviation(values), n: values.length }];
  });
}

function countsText(group: FigureGroup): string {
  const each = fractionsOf(group).map((fraction) => {
    const runs = group.runs.filter((run) => fractionOf(run) === fraction);
    return `${percent(fraction, fraction < 0.01 ? 1 : 0)} ${runsText(runs)}`;
  });
  return `${group.label}: ${each.join(", ")}.`;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((a, b) => a + b, 0);
}

/** How many labelled images a fraction is. */
function imagesText(runs: readonly FigureRun[]): string | false {
  const counts = new Map<number, { n: number; share: number }>();
  for (const run of runs) {
    const { L, validation, U } = run.dataset?.counts ?? { L: [], validation: [], U: null };
    const n = sum([...L, ...validation]);
    if (n > 0 && run.config.data.supervisedOn !== "L+U")
      counts.set(fractionOf(run)!, { n, share: n / (n + sum(U ?? [])) });
  }
  const parts = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([fraction, { n, share }]) => {
      // Each class keeps at least a few labels.
      const more = share < 1 && share > 1.2 * fraction ? `, in fact ${percent(share)}` : "";
      return `${n} (${percent(fraction, fraction < 0.01 ? 1 : 0)}${more})`;
    });
  return parts.length > 0 && `Labelled images: ${parts.join(", ")}.`;
}
