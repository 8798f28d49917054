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
import { csvLine, harmless } from "../data/csv.js";
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
