/** Bar charts of a run: the result, and the classes among pseudo-labels. */
import type * as echarts from "echarts";
import { balancedAccuracyInterval } from "../uncertainty.js";
import { axis, draw, ink, MOST_SERIES, muted, seriesStyle, shorten, student, teacher } from "./charts.js";
import type { Best } from "./curves.js";
import type { DatasetFacts, Result } from "./data.js";
import { count, percent } from "./format.js";
import type { Html } from "./html.js";
import type { EpochLine } from "./metricsFile.js";

/** Chance, majority, teacher and student as bars, with 95 % intervals where there is something to measure. */
export function resultBars(result: Result): Html {
  const rows = [
    { name: "Chance", value: result.chance, color: muted, interval: null },
    { name: "Majority", value: result.majority, color: muted, interval: null },
    ...(result.teacher ? [measured("Teacher", result.teacher, teacher.color)] : []),
    measured("Student", result.student, student.color),
  ].filter((row) => row.value !== null);
  return draw(
    {
      id: "result",
      label: "Balanced accuracy on the test part, as in the tiles above",
      height: 52 + 30 * rows.length,
    },
    {
      grid: { left: 72, right: 20, top: 4, bottom: 46, outerBoundsMode: "none" },
      xAxis: axis(
        {
          title: "balanced accuracy, test part (whiskers: 95 % interval)",
          min: 0,
          max: 1,
          format: (v) => percent(v, 0),
        },
        "x",
      ),
      yAxis: {
        type: "category",
        inverse: true,
        data: rows.map((row) => row.name),
        axisLabel: { color: ink, fontSize: 13, fontWeight: 600 },
        axisLine: { lineStyle: { color: muted } },
        axisTick: { show: false },
      },
      series: [
        {
          type: "bar",
          silent: true,
          barWidth: 18,
          data: rows.map((row) => ({
            value: row.value!,
            itemStyle: { color: row.color, opacity: row.interval ? 1 : 0.55 },
          })),
        },
        whiskers(rows.map((row) => row.interval)),
      ],
    },
  );
}

function measured(name: string, { balancedAccuracy, confusion }: Result["student"], color: string) {
  return { name, value: balancedAccuracy, color, interval: balancedAccuracyInterval(confusion) };
}

/** Horizontal intervals over the categories of a bar chart. */
function whiskers(intervals: readonly ([number, number] | null)[]): echarts.CustomSeriesOption {
  return {
    type: "custom",
    silent: true,
    z: 5,
    data: intervals.flatMap((interval, i) => (interval ? [[interval[0], i, interval[1]]] : [])),
    renderItem: (_, api) => {
      const [low, y] = api.coord([api.value(0), api.value(1)]) as [number, number];
      const high = api.coord([api.value(2), api.value(1)])[0]!;
      const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, lineWidth: number) => ({
        type: "line" as const,
        shape: { x1, y1, x2, y2 },
        style: { stroke, lineWidth },
      });
      const strokes = [
        [low, y, high, y],
        [low, y - 7, low, y + 7],
        [high, y - 7, high, y + 7],
      ] as const;
      return {
        type: "group",
        children: [...strokes.map((s) => line(...s, "var(--paper)", 5)), ...strokes.map((s) => line(...s, ink, 2))],
      };
    },
  };
}

/** Shares of the classes among pseudo-labels, labelled images and (where known) the unlabelled images in truth (Fig. 6). */
export function classShares(
  epochs: readonly EpochLine[],
  best: Best | null,
  dataset: DatasetFacts | null,
  classes: readonly string[],
): Html | null {
  const counted = epochs.filter((e) => e.pseudoCounts !== null);
  const last = counted.at(-1);
  if (!last) return null;
  const chosen = counted.find((e) => e.epoch === best?.epoch);
  const groups = [
    { name: "labelled part (L)", counts: dataset?.counts.L ?? null, color: muted },
    ...(chosen && chosen !== last
      ? [
          {
            name: `pseudo-labels, epoch ${chosen.epoch} (${best!.word})`,
            counts: chosen.pseudoCounts,
            color: seriesStyle(0).color,
          },
        ]
      : []),
    {
      name: `pseudo-labels, epoch ${last.epoch} (last${chosen === last ? `, ${best!.word}` : ""})`,
      counts: last.pseudoCounts,
      color: seriesStyle(5).color,
    },
    { name: "truth of the unlabelled part (U)", counts: dataset?.counts.U ?? null, color: seriesStyle(4).color },
  ].filter((group) => group.counts !== null);
  const few = classes.length <= MOST_SERIES;
  return draw(
    {
      id: "shares",
      label: "Share of each class among pseudo-labels and images",
      height: 60 + 18 * groups.length + (few ? 15 * groups.length + 14 : 7 * groups.length + 7) * classes.length,
    },
    {
      aria: { enabled: true, decal: { show: true, decals: patterns } },
      color: groups.map((group) => group.color),
      legend: {
        bottom: 0,
        left: 0,
        orient: "vertical",
        textStyle: { color: ink, fontSize: 12 },
        itemWidth: 22,
        itemHeight: 12,
        itemGap: 6,
      },
      grid: { left: 8, right: 44, top: 4, bottom: 10 + 19 * groups.length, outerBoundsMode: "same" },
      xAxis: axis({ title: "share of images", min: 0, format: (v) => percent(v, 0) }, "x"),
      yAxis: {
        type: "category",
        inverse: true,
        data: classes.map((name) => shorten(name, 18)),
        axisLabel: { color: ink, fontSize: 12, interval: 0 },
        axisTick: { show: false },
        axisLine: { lineStyle: { color: muted } },
      },
      series: groups.map(({ name, counts }) => {
        const total = counts!.reduce((a, b) => a + b, 0) || 1;
        return {
          type: "bar",
          name,
          silent: true,
          barGap: "12%",
          barCategoryGap: "28%",
          data: classes.map((_, c) => (counts![c] ?? 0) / total),
          label: {
            show: few,
            position: "right",
            color: muted,
            fontSize: 11,
            distance: 4,
            formatter: ({ value }) => percent(Number(value)),
          },
        };
      }),
    },
  );
}

/** Fillings of bars that differ without colour: plain, stripes, dots, cross stripes. */
const patterns = [
  { symbol: "none" },
  { color: "rgba(255,255,255,.55)", dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: Math.PI / 4 },
  {
    symbol: "circle",
    color: "rgba(0,0,0,.35)",
    dashArrayX: [
      [6, 6],
      [0, 6, 6, 0],
    ],
    dashArrayY: [5, 0],
    symbolSize: 0.6,
  },
  { color: "rgba(0,0,0,.35)", dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4 },
] as object[];

/** Sentence on how far pseudo-labels and truth are apart, where the truth of all of them is known. */
export function shareDistance(line: EpochLine | undefined, truth: readonly number[] | null | undefined): string {
  if (!line?.pseudoCounts || !truth) return "";
  const [n, m] = [line.pseudoCounts, truth].map((counts) => counts.reduce((a, b) => a + b, 0)) as [number, number];
  if (n === 0 || n !== m) return "";
  const apart = line.pseudoCounts.reduce((sum, k, c) => sum + Math.abs(k / n - (truth[c] ?? 0) / m), 0) / 2;
  return ` In epoch ${line.epoch} at least ${percent(apart)} of the ${count(n)} pseudo-labels must be wrong for the shares to differ as they do.`;
}
