/**
 * Static SVG drawings by ECharts, rendered without a browser. Colours are CSS variables of the page (light and dark), text is
 * escaped by ECharts, identifiers are made unique per figure and the same each time.
 */
import type * as echarts from "echarts";
import { seriesCount, seriesVariable } from "../palette.js";
import { type ChartOption, init } from "./echarts.js";
import { escapeHtml, type Html, trusted } from "./html.js";

export const ink = "var(--ink)";
export const muted = "var(--muted)";
export const rule = "var(--rule)";

/** How one of several series looks: told apart by colour, dashes and symbol, so that any one of them suffices. */
export interface SeriesStyle {
  color: string;
  dash: "solid" | "dashed" | "dotted" | number[];
  symbol: "circle" | "rect" | "triangle" | "diamond" | "emptyCircle" | "emptyRect" | "emptyTriangle" | "emptyDiamond";
}

const dashes: SeriesStyle["dash"][] = [
  "solid",
  [7, 3],
  [2, 2],
  [10, 3, 2, 3],
  [14, 4],
  [4, 4],
  [1, 3],
  [10, 3, 2, 3, 2, 3],
];
const symbols: SeriesStyle["symbol"][] = [
  "circle",
  "rect",
  "triangle",
  "diamond",
  "emptyCircle",
  "emptyRect",
  "emptyTriangle",
  "emptyDiamond",
];

/** Number of series that can be told apart in one chart. */
export const MOST_SERIES = seriesCount;

/** Style of series i, 0 <= i < MOST_SERIES. */
export function seriesStyle(i: number): SeriesStyle {
  return { color: seriesVariable(i), dash: dashes[i % 8]!, symbol: symbols[i % 8]! };
}

/** Student and teacher look the same wherever they appear. */
export const student = seriesStyle(0);
export const teacher = seriesStyle(1);

export type Point = [x: number, y: number | null];

/** A line of a chart. */
export interface Curve extends Partial<SeriesStyle> {
  name: string;
  points: Point[];
  /** The unsmoothed values, drawn faintly underneath. */
  raw?: Point[];
  /** Lower and upper limits at the same x, drawn as a faint band; NaN where it has a gap. */
  band?: { x: number; low: number; high: number }[];
  /** Draw a symbol at each point. */
  marked?: boolean;
}

/** An axis with its title (unit included). */
export interface AxisOptions {
  title: string;
  min?: number;
  max?: number;
  log2?: boolean;
  /** Logarithmic. */
  log10?: boolean;
  /** Where ticks and labels are. Default: even distances. */
  ticks?: readonly number[];
  /** Whole numbers only. */
  whole?: boolean;
  /** Distance of the ticks. */
  interval?: number;
  format?: (value: number) => string;
}

export interface Drawing {
  /** Unique on the page; letters, digits and hyphens. */
  id: string;
  /** What a screen reader says. */
  label: string;
  width?: number;
  height?: number;
}

/** Renders an ECharts option as an SVG element that scales to its container. */
export function draw({ id, label, width = 440, height = 270 }: Drawing, option: ChartOption): Html {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption({ animation: false, textStyle: { color: ink, fontFamily: "inherit" }, ...option });
    return trusted(tidy(chart.renderToSVGString(), id, label));
  } finally {
    chart.dispose();
  }
}

/** Removes what only a live chart needs, and gives every definition a name of this figure. */
function tidy(svg: string, id: string, label: string): string {
  return svg
    .replace(/<style\s*>[\s\S]*?<\/style>/g, "")
    .replace(/ (?:ecmeta_\w+|class)="[^"]*"/g, "")
    .replace(/(id="|url\(#)zr\d+-/g, `$1${id}-`)
    .replace(/ (?:d|x|y|transform)="[^"]*"/g, (attribute) => attribute.replace(/(\.\d\d)\d+/g, "$1"))
    .replace(/^<svg width="(\d+)" height="(\d+)"([^>]*)>/, (_, w, h, rest: string) => {
      const attributes = rest.replace(/ (?:viewBox|baseProfile|version|xmlns(?::\w+)?)="[^"]*"/g, "");
      return `<svg viewBox="0 0 ${w} ${h}" role="img" aria-label="${escapeHtml(label)}"${attributes}>`;
    })
    .replaceAll('fill="#fff"', 'fill="var(--paper)"')
    .replaceAll("\n", "");
}

/** A line chart. Every curve is named at its right end. */
export function lineChart(
  drawing: Drawing,
  { x, y, curves, marks = [] }: { x: AxisOptions; y: AxisOptions; curves: Curve[]; marks?: Mark[] },
): Html {
  const longest = Math.max(...curves.map((curve) => [...shorten(curve.name, 18)].length), 0);
  return draw(drawing, {
    grid: { left: 8, right: 20 + longest * 6.6, top: 4, bottom: 4, outerBoundsMode: "same" },
    xAxis: axis(x, "x"),
    yAxis: axis(y, "y"),
    series: [
      ...curves.flatMap((curve, i) => bandSeries(curve, i)),
      ...curves.flatMap((curve) => rawSeries(curve)),
      ...curves.map((curve) => curveSeries(curve)),
      ...marks.map((mark) => markSeries(mark)),
    ],
  });
}

/** Keeps text readable over lines. */
const halo = { textBorderColor: "var(--paper)", textBorderWidth: 3 };

/** A point worth naming, or (without `x`) a level across the whole chart. */
export interface Mark {
  text: string;
  y: number;
  x?: number;
  /** Which end of the text is at the point. */
  align?: "left" | "center" | "right";
}

/** An axis of a chart as ECharts wants it: title at its end, quiet lines. */
export function axis(
  options: AxisOptions,
  side: "x" | "y",
): echarts.XAXisComponentOption & echarts.YAXisComponentOption {
  const { title, min, max, log2, log10, ticks, whole, interval, format } = options;
  const custom = ticks && { customValues: [...ticks] };
  // Without a browser ECharts takes a no-break space for as wide as a Chinese character and hides labels beside it.
  const formatter = format && ((value: number) => format(value).replaceAll("\u00a0", " "));
  const base = {
    name: title,
    nameLocation: side === "x" ? ("middle" as const) : ("end" as const),
    nameGap: side === "x" ? 26 : 10,
    nameTextStyle: { color: muted, fontSize: 12, align: side === "x" ? ("center" as const) : ("left" as const) },
    axisLine: { show: side === "x", onZero: false, lineStyle: { color: muted } },
    axisTick: { show: side === "x", lineStyle: { color: muted }, ...custom },
    axisLabel: { color: muted, fontSize: 12, hideOverlap: true, ...(formatter && { formatter }), ...custom },
    splitLine: { show: side === "y", lineStyle: { color: rule } },
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(whole && { minInterval: 1 }),
    ...(interval !== undefined && { interval }),
  };
  if (log2 || log10) return { ...base, type: "log", logBase: log2 ? 2 : 10 };
  return { ...base, type: "value" };
}

function curveSeries(curve: Curve): echarts.LineSeriesOption {
  const { color = ink, dash = "solid", symbol = "circle" } = curve;
  const single = curve.points.filter(([, y]) => y !== null).length === 1;
  return {
    type: "line",
    name: curve.name,
    data: curve.points,
    showSymbol: curve.marked === true || single,
    symbol,
    symbolSize: 7,
    showAllSymbol: true,
    silent: true,
    lineStyle: { color, type: dash, width: 2.2 },
    itemStyle: { color, borderColor: color },
    endLabel: {
      show: true,
      color,
      fontSize: 12,
      fontWeight: 600,
      ...halo,
      distance: 12, // beside the label of the last tick, where a curve ends on the axis
      formatter: () => shorten(curve.name, 18),
    },
    labelLayout: { moveOverlap: "shiftY" },
    z: 5,
  };
}

function rawSeries({ raw, color = ink }: Curve): echarts.LineSeriesOption[] {
  if (!raw) return [];
  return [
    { type: "line", data: raw, showSymbol: false, silent: true, lineStyle: { color, width: 0.8, opacity: 0.35 }, z: 2 },
  ];
}

/** Each band is a stack of its own: from 0 to the lower limit without a fill, and from there to the upper one. */
function bandSeries({ band, color = ink }: Curve, i: number): echarts.LineSeriesOption[] {
  if (!band) return [];
  const common = {
    type: "line" as const,
    stack: `band ${i}`,
    stackStrategy: "all" as const,
    showSymbol: false,
    silent: true,
    z: 1,
  };
  return [
    { ...common, data: band.map(({ x, low }) => [x, low]), lineStyle: { opacity: 0 } },
    {
      ...common,
      data: band.map(({ x, low, high }) => [x, high - low]),
      lineStyle: { opacity: 0 },
      areaStyle: { color, opacity: 0.13 },
    },
  ];
}

function markSeries({ text, x, y, align = "center" }: Mark): echarts.LineSeriesOption {
  const label = { show: true, color: ink, fontSize: 12, formatter: () => text, ...halo };
  if (x !== undefined)
    return {
      type: "line",
      data: [[x, y]],
      symbol: "circle",
      symbolSize: 13,
      silent: true,
      itemStyle: { color: "transparent", borderColor: ink, borderWidth: 2 },
      label: { ...label, position: "bottom", align, distance: 8 },
      z: 9,
    };
  return {
    type: "line",
    data: [],
    silent: true,
    markLine: {
      silent: true,
      symbol: "none",
      data: [{ yAxis: y }],
      lineStyle: { color: muted, type: [2, 3], width: 1.5 },
      label: { ...label, color: muted, position: "insideEndTop" },
    },
  };
}

/** A name cut to a number of characters. */
export function shorten(name: string, most: number): string {
  const characters = [...name];
  return characters.length <= most ? name : `${characters.slice(0, most - 1).join("")}…`;
}
