/**
 * The table of predictions (`predict --out FILE.csv`, `RUN/predictions.csv`): RFC 4180, UTF-8, CRLF line ends.
 *
 * Columns: `file`, `class` (predicted), `truth` (only when a truth is known; empty where it is not), one `p_<Class>` per class,
 * `entropy` in bits (0 = certain, log2(classes) = undecided), then what else is known (`well`, `time`, ... by `predict`). Numbers keep
 * 7 significant digits, the precision of float32.
 *
 * Spreadsheets run cells that start with = + - @ as formulas. A file name that does is written with a leading `./`: another
 * spelling of the same path, so nothing is lost; further texts get an apostrophe. Class names are written as they are.
 */
import { UserError } from "../../engine/errors.js";
import { csvLine, harmless, parseCsv, unguarded } from "../data/csv.js";
import { argmax, entropyBits } from "../metrics.js";

/** One image to write. `truth` is a class index, null when unknown. */
export interface PredictionRow {
  file: string;
  probabilities: ArrayLike<number>;
  truth?: number | null;
}

/** Columns behind those of the prediction: their names, and values per row; what a row lacks is empty. */
export interface MoreColumns {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, string>>[];
}

/** One image as read back. `predicted` and `truth` are indices into the table's classes. */
export interface Prediction {
  file: string;
  predicted: number;
  truth: number | null;
  probabilities: number[];
  /** What stands in the columns behind the entropy, by column. */
  more: Record<string, string>;
}

/** A table of predictions as read back. */
export interface PredictionTable {
  classes: string[];
  /** Columns behind the entropy: well, time, what the plate map says. */
  columns: string[];
  rows: Prediction[];
}

/** The whole table as text, rows in the order given. */
export function predictionsCsv(
  rows: readonly PredictionRow[],
  classes: readonly string[],
  more: MoreColumns = { columns: [], rows: [] },
): string {
  const withTruth = rows.some((row) => typeof row.truth === "number");
  const header = ["file", "class", ...(withTruth ? ["truth"] : []), ...classes.map((name) => `p_${name}`), "entropy"];
  const lines = rows.map((row, i) => {
    const further = more.columns.map((name) => harmless(more.rows[i]?.[name] ?? ""));
    const truth = typeof row.truth === "number" ? classes[row.truth]! : "";
    const numbers = [...Array.from(row.probabilities), entropyBits(row.probabilities)].map(significant);
    return [
      ...[harmless(row.file, "./"), classes[argmax(row.probabilities)]!, ...(withTruth ? [truth] : [])],
      ...numbers,
      ...further,
    ];
  });
  return [[...header, ...more.columns.map((name) => harmless(name))], ...lines]
    .map((cells) => `${csvLine(cells)}\r\n`)
    .join("");
}

function significant(value: number): string {
  return String(Number(value.toPrecision(7)));
}

/**
 * The table out of its text.
 * @param file name used in errors
 * @throws UserError when it is not such a table; the message names the line
 */
export function parsePredictions(text: string, file: string): PredictionTable {
  const { columns, rows } = parseCsv(text, file);
  const classes = columns.filter((name) => name.startsWith("p_")).map((name) => name.slice(2));
  if (columns[0] !== "file" || columns[1] !== "class" || classes.length === 0) {
    throw new UserError(`${file}: the first line is "${columns.join(",")}", expected file,class,p_<Class>...,entropy`);
  }
  const more = columns.slice(2).filter((name) => !["truth", "entropy"].includes(name) && !name.startsWith("p_"));
  const read = rows.map(({ line, values }) => ({
    ...prediction(values, classes, `${file}, line ${line}`),
    more: Object.fromEntries(more.map((name) => [unguarded(name), unguarded(values[name] ?? "")])),
  }));
  return { classes, columns: more.map(unguarded), rows: read };
}

/** A number, also with the comma that spreadsheets of many countries write (0,5; 3,1E-08); NaN for anything else. */
function decimal(text = ""): number {
  return /^\d+([.,]\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text.replace(",", ".")) : Number.NaN;
}

function prediction(values: Record<string, string>, classes: readonly string[], place: string) {
  const predicted = classes.indexOf(values.class!);
  if (predicted < 0)
    throw new UserError(`${place}: class "${values.class}" is none of ${classes.join(", ")}; was the file edited?`);
  const probabilities = classes.map((name) => decimal(values[`p_${name}`]));
  const wrong = probabilities.findIndex((p) => !(p >= 0 && p <= 1));
  if (wrong >= 0)
    throw new UserError(
      `${place}: p_${classes[wrong]} is "${values[`p_${classes[wrong]}`]}", expected a number from 0 to 1`,
    );
  const truth = classes.indexOf(values.truth ?? "");
  return { file: values.file!, predicted, truth: truth < 0 ? null : truth, probabilities };
}
