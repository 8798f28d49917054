/** The chart of a time course: one panel per class, one line and band per condition. */
import { type Curve, lineChart, MOST_SERIES, seriesStyle } from "../report/charts.js";
import { escapeHtml, type Html, trusted } from "../report/html.js";
import type { ClassCurve } from "./curves.js";
import type { TimeCourse } from "./timecourse.js";
import { caption } from "./words.js";

const panel = { width: 460, height: 280 };
/** Up to this many points each is marked. */
const mostMarks = 30;

/** One chart per class. Only the first eight conditions are drawn: more cannot be told apart. */
export function classCharts(course: TimeCourse): { title: string; chart: Html }[] {
  const { classes, conditions, curves } = course;
  const shown = conditions.slice(0, MOST_SERIES);
  const hours = curves.flatMap(({ points }) => points.map((point) => point.hours));
  const [first, last] = [Math.min(...hours), Math.max(...hours)];
  return classes.map((title, c) => {
    const own = shown.flatMap((name) => curves.filter((curve) => curve.class === c && curve.condition === name));
    const chart = lineChart(
      { id: `class-${c}`, label: `${title}: share over time by condition`, ...panel },
      {
        x: { title: "time (h)", min: first, max: last > first ? last : first + 1 },
        y: {
          title: course.options.weight === "area" ? "share of area" : "share of colonies",
          ...niceAxis(own),
          format: (v: number) => `${Number((100 * v).toFixed(1))} %`,
        },
        curves: own.map((curve, i) => drawn(curve, i)),
      },
    );
    return { title, chart };
  });
}

function drawn({ condition, points }: ClassCurve, i: number): Curve {
  return {
    ...seriesStyle(i),
    name: condition,
    points: points.map(({ hours, mean }) => [hours, mean]),
    band: points.flatMap(({ hours, band }) => (band ? [{ x: hours, low: band[0], high: band[1] }] : [])),
    marked: points.length <= mostMarks,
  };
}

/** Ends of axes and the distance of their ticks. */
const axes = [
  [0.01, 0.002],
  [0.02, 0.005],
  [0.05, 0.01],
  [0.1, 0.02],
  [0.2, 0.05],
  [0.3, 0.1],
  [0.4, 0.1],
  [0.5, 0.1],
  [0.6, 0.1],
  [0.8, 0.2],
  [1, 0.2],
] as const;

/** An axis from 0 to a round number above all means and bands, at most 1. */
function niceAxis(curves: readonly ClassCurve[]): { min: number; max: number; interval: number } {
  const points = curves.flatMap((curve) => curve.points);
  const most = Math.max(...points.map(({ mean, band }) => Math.max(mean, band?.[1] ?? 0)));
  const [max, interval] = axes.find(([top]) => top >= most) ?? [1, 0.2];
  return { min: 0, max, interval };
}

/** All panels as one SVG with title and caption, in the page's colours. */
export function chartSvg(course: TimeCourse): Html {
  const charts = classCharts(course);
  const columns = Math.min(charts.length, 2);
  const rows = Math.ceil(charts.length / columns);
  const [left, head, title, gap] = [16, 40, 24, 14];
  const width = 2 * left + columns * panel.width + (columns - 1) * gap;
  const lines = wrapped(caption(course), Math.floor((width - 2 * left) / 6.1));
  const bottom = head + rows * (panel.height + title + gap);
  const height = bottom + 18 * lines.length + 12;
  const panels = charts.map(({ title: name, chart }, i) => {
    const x = left + (i % columns) * (panel.width + gap);
    const y = head + Math.floor(i / columns) * (panel.height + title + gap);
    const nested = chart.markup.replace(
      "<svg ",
      `<svg x="${x}" y="${y + title}" width="${panel.width}" height="${panel.height}" `,
    );
    return `<text x="${x}" y="${y + 15}" font-size="14" font-weight="bold" fill="var(--ink)">${escapeHtml(name)}</text>${nested}`;
  });
  const words = lines.map(
    (line, i) =>
      `<text x="${left}" y="${bottom + 10 + 18 * i}" font-size="12" fill="var(--muted)">${escapeHtml(line)}</text>`,
  );
  const heading = `Classes over time by ${course.options.by}`;
  return trusted(
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeHtml(heading)}">` +
      `<rect width="${width}" height="${height}" fill="var(--paper)"/>` +
      `<text x="${left}" y="25" font-size="17" font-weight="bold" fill="var(--ink)">${escapeHtml(heading)}</text>` +
      `${panels.join("")}${words.join("")}</svg>`,
  );
}

/** Lines of at most `most` characters. */
function wrapped(text: string, most: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1) as string;
    if (last !== "" && last.length + 1 + word.length > most) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}
