/** From predicted colonies to one time series of class shares per well: wells are what is compared. Needs no Node. */
import { UserError } from "../../engine/errors.js";
import { someOf, wellKey } from "../predictions/wells.js";
import type { PredictionTable } from "../run/predictions.js";
import { binned, toHours } from "./hours.js";

/** What a colony counts: 1, or its area. */
export const weights = ["count", "area"] as const;
export type Weight = (typeof weights)[number];

export interface SeriesOptions {
  /** Column whose values are compared. */
  readonly by: string;
  /** Columns that together name a replicate. */
  readonly replicate: readonly string[];
  readonly weight: Weight;
  /** Of tables whose times are frame numbers. */
  readonly hoursPerFrame: number;
  /** Hours that make one time point; null: times as they are. */
  readonly bin: number | null;
}

/** A replicate over time. */
export interface WellSeries {
  readonly well: string;
  readonly condition: string;
  /** Rising. */
  readonly hours: readonly number[];
  /** Colonies at each of them. */
  readonly colonies: readonly number[];
  /** Share of each class, 0..1, at each of them. */
  readonly shares: readonly (readonly number[])[];
}

export interface AllSeries {
  readonly wells: readonly WellSeries[];
  /** What was left out, one sentence each. */
  readonly notes: readonly string[];
}

const byNumber = new Intl.Collator("en", { numeric: true });
export const naturally = (a: string, b: string) => byNumber.compare(a, b);

/**
 * Series of all wells, by condition and well in natural order.
 * @param place names the table in messages
 * @throws UserError for a column that is missing, no colony with well, time and condition, a well of two conditions, an area that is
 *   no number
 */
export function seriesOf(table: PredictionTable, options: SeriesOptions, place: string): AllSeries {
  const { by, replicate, weight } = options;
  const needed = [by, ...replicate, "time", ...(weight === "area" ? ["area"] : [])];
  for (const name of needed) if (!table.columns.includes(name)) throw lacking(name, table.columns, place);
  const named = [by, ...replicate, "time"];
  const usable = table.rows.filter(({ more }) => named.every((name) => more[name]));
  const notes = leftOut(table, named);
  if (usable.length === 0)
    throw new UserError(
      `${place}: no colony has all of ${named.join(", ")}; ${notes.join("; ") || "the table is empty"}`,
    );
  const texts = usable.map(({ more }) => more.time as string);
  const hours = toHours(texts, options.hoursPerFrame, place).map((time) => binned(time, options.bin));
  const wells = new Map<string, Tally>();
  usable.forEach(({ more, predicted, file }, i) => {
    const name = replicate.map((column) => wellKey(more[column] as string)).join(" ");
    const tally = wells.get(name) ?? new Tally(name, more[by] as string, table.classes.length);
    if (tally.condition !== more[by])
      throw new UserError(
        `${place}: ${name} has ${by} "${tally.condition}" and "${more[by]}"; a well has one. If several plates have a well ${name}, ` +
          `name them apart: --replicate plate,well`,
      );
    tally.add(hours[i] as number, predicted, weight === "area" ? areaOf(more.area as string, `${place}: ${file}`) : 1);
    wells.set(name, tally);
  });
  const sorted = [...wells.values()].sort((a, b) => naturally(a.condition, b.condition) || naturally(a.well, b.well));
  return { wells: sorted.map((tally) => tally.series()), notes };
}

/** Colonies of one well. */
class Tally {
  private readonly times = new Map<number, { colonies: number; sums: number[] }>();

  constructor(
    readonly well: string,
    readonly condition: string,
    private readonly classes: number,
  ) {}

  add(hours: number, predicted: number, weight: number): void {
    const time = this.times.get(hours) ?? { colonies: 0, sums: new Array<number>(this.classes).fill(0) };
    time.colonies++;
    time.sums[predicted]! += weight;
    this.times.set(hours, time);
  }

  series(): WellSeries {
    const times = [...this.times].sort(([a], [b]) => a - b);
    return {
      well: this.well,
      condition: this.condition,
      hours: times.map(([hours]) => hours),
      colonies: times.map(([, { colonies }]) => colonies),
      shares: times.map(([, { sums }]) => {
        const total = sums.reduce((a, b) => a + b, 0);
        return sums.map((value) => value / total);
      }),
    };
  }
}

function areaOf(text: string, place: string): number {
  const area = text === "" ? Number.NaN : Number(text);
  if (area > 0 && Number.isFinite(area)) return area;
  throw new UserError(`${place}: area is "${text}", expected a number above 0; leave out --weight area, or the row`);
}

function leftOut(table: PredictionTable, named: readonly string[]): string[] {
  return named.flatMap((name) => {
    const rows = table.rows.filter(({ more }) => !more[name]);
    if (rows.length === 0) return [];
    const files = someOf(
      rows.map(({ file }) => file),
      3,
    );
    return [`${rows.length} image(s) have no ${name} and are left out: ${files}`];
  });
}

function lacking(name: string, columns: readonly string[], place: string): UserError {
  const has = columns.length > 0 ? `it has ${columns.join(", ")}` : "it has none beside file, class and probabilities";
  const advice =
    name === "well" || name === "time" || name === "area"
      ? 'predict the crops in the folder that "equipoise detect" wrote, with its colonies.csv'
      : `predict with --plate MAP.csv, a table with the columns well,${name}`;
  return new UserError(`${place}: there is no column "${name}"; ${has}. To get it, ${advice}`);
}
