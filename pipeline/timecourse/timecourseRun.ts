/** `equipoise timecourse`: reads a table of predictions and writes tables, chart, page and summary. */
import { mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { UserError } from "../../engine/errors.js";
import { csvLine, harmless } from "../data/csv.js";
import { svgToPng } from "../figures/png.js";
import { standalone } from "../figures/standalone.js";
import { reason, writeAtomic } from "../run/folder.js";
import { readPredictions } from "../run/predictions.js";
import { chartSvg } from "./chart.js";
import { page } from "./page.js";
import { type TimeCourse, type TimeCourseOptions, timeCourse } from "./timecourse.js";
import { markdown } from "./words.js";

export interface TimeCourseRunOptions extends TimeCourseOptions {
  /** Folder to write to; by default the table's name with `_timecourse`. */
  readonly out?: string;
}

export interface TimeCourseResult {
  readonly course: TimeCourse;
  readonly out: string;
  /** The summary as Markdown. */
  readonly text: string;
}

/** The column of this name, or else the only one that differs from it in capitals (`Condition` for `condition`). */
function columnOf(name: string, columns: readonly string[]): string {
  const alike = columns.filter((column) => column.toLowerCase() === name.toLowerCase());
  return alike.length === 1 ? (alike[0] ?? name) : name;
}

/**
 * Writes timecourse.csv (curves), wells.csv (wells over time), summaries.csv (one row per well), tests.csv, timecourse.svg and .png,
 * timecourse.html and summary.md.
 * @throws UserError as `timeCourse`, and for a folder that cannot be written
 */
export async function timecourseRun(table: string, options: TimeCourseRunOptions): Promise<TimeCourseResult> {
  const { out = `${resolve(table).replace(/\.csv$/i, "")}_timecourse`, ...rest } = options;
  const predictions = await readPredictions(table);
  const course = timeCourse(predictions, { ...rest, by: columnOf(rest.by, predictions.columns) }, table);
  try {
    mkdirSync(out, { recursive: true });
  } catch (error) {
    throw new UserError(`--out ${out}: cannot be made (${reason(error)}); choose another folder`);
  }
  const svg = standalone(chartSvg(course));
  const text = markdown(course, basename(table), "timecourse.png");
  const files: Record<string, string | Uint8Array> = {
    "timecourse.csv": curvesCsv(course),
    "wells.csv": wellsCsv(course),
    "summaries.csv": summariesCsv(course),
    "tests.csv": testsCsv(course),
    "timecourse.svg": svg,
    "timecourse.png": svgToPng(svg),
    "timecourse.html": page(course, basename(table)),
    "summary.md": text,
  };
  for (const [name, content] of Object.entries(files)) writeAtomic(join(out, name), content);
  return { course, out, text };
}

type Cells = (string | number | null)[];

function csv(head: readonly string[], rows: readonly Cells[]): string {
  const cell = (value: string | number | null) => {
    if (value === null) return "";
    return typeof value === "string" ? harmless(value) : String(Number(value.toPrecision(9)));
  };
  return [head.map((name) => harmless(name)), ...rows.map((row) => row.map(cell))]
    .map((cells) => `${csvLine(cells)}\r\n`)
    .join("");
}

/** Mean share per condition, class and time. */
export function curvesCsv({ options, classes, curves }: TimeCourse): string {
  const head = [options.by, "class", "hours", "wells", "colonies", "mean", "sd", "low95", "high95"];
  const rows = curves.flatMap(({ condition, class: c, points }) =>
    points.map(({ hours, wells, colonies, mean, sd, band }): Cells => {
      return [condition, classes[c] ?? "", hours, wells, colonies, mean, sd, band?.[0] ?? null, band?.[1] ?? null];
    }),
  );
  return csv(head, rows);
}

/** Shares per well and time. */
export function wellsCsv({ options, classes, wells }: TimeCourse): string {
  const rows = wells.flatMap(({ well, condition, hours, colonies, shares }) =>
    hours.map((hour, i): Cells => [well, condition, hour, colonies[i] ?? 0, ...(shares[i] ?? [])]),
  );
  return csv(["well", options.by, "hours", "colonies", ...classes], rows);
}

/** What sums up each well; slopes are per hour. */
export function summariesCsv({ options, classes, summaries }: TimeCourse): string {
  const rows = summaries.map(({ well, condition, values }): Cells => [well, condition, options.summary, ...values]);
  return csv(["well", options.by, "summary", ...classes], rows);
}

/** One row per class, pair of conditions and test; `difference` is condition minus compared_with. */
export function testsCsv({ classes, comparisons, overall, options }: TimeCourse): string {
  const head = ["class", options.by, "compared_with", "wells", "wells_other", "mean", "mean_other"];
  const tail = ["difference", "low95", "high95", "test", "statistic", "df", "p", "p_holm", "reason"];
  const test = (name: string, { corrected, ...one }: TimeCourse["comparisons"][number]["welch"]): Cells =>
    one.p === null
      ? [name, null, null, null, null, one.reason]
      : [name, one.statistic, one.degreesOfFreedom, one.p, corrected, ""];
  const pairs = comparisons.flatMap(({ class: c, a, b, wells, means, difference, welch, rankSum }) => {
    const { estimate = null, interval = null } = difference ?? {};
    const [na, nb] = wells;
    const facts: Cells = [classes[c] ?? "", b, a, nb, na, means[1], means[0]];
    const effect: Cells = [estimate, interval?.[0] ?? null, interval?.[1] ?? null];
    return [
      [...facts, ...effect, ...test("welch", welch)],
      [...facts, ...effect, ...test("rank-sum", rankSum)],
    ];
  });
  const all = overall.map(({ class: c, kruskal }): Cells => {
    return [classes[c] ?? "", "all", "all", null, null, null, null, null, null, null, ...test("kruskal", kruskal)];
  });
  return csv([...head, ...tail], [...pairs, ...all]);
}
