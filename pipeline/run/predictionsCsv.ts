/**
 * The table of predictions (`predict --out FILE.csv`, `RUN/predictions.csv`): RFC 4180, UTF-8, CRLF line ends.
 *
 * Columns: `file`, `class` (predicted), `truth` (only when a truth is known; empty where it is not), one `p_<Class>` per class,
 * `entropy` in bits (0 = certain, log2(classes) = undecided). Numbers keep 7 significant digits, the precision of float32.
 *
 * Spreadsheets run cells that start with = + - @ as formulas. A file name that does is written with a leading `./`: another
 * spelling of the same path, so nothing is lost. Class names are written as they are.
 */
import { csvLine } from "../data/csv.js";
import { argmax, entropyBits } from "../metrics.js";

/** One image to write. `truth` is a class index, null when unknown. */
export interface PredictionRow {
  file: string;
  probabilities: ArrayLike<number>;
  truth?: number | null;
}

/** The whole table as text, rows in the order given. */
export function predictionsCsv(rows: readonly PredictionRow[], classes: readonly string[]): string {
  const withTruth = rows.some((row) => typeof row.truth === "number");
  const header = ["file", "class", ...(withTruth ? ["truth"] : []), ...classes.map((name) => `p_${name}`), "entropy"];
  const lines = rows.map((row) => {
    const truth = typeof row.truth === "number" ? classes[row.truth]! : "";
    const numbers = [...Array.from(row.probabilities), entropyBits(row.probabilities)].map(significant);
    return [plainFile(row.file), classes[argmax(row.probabilities)]!, ...(withTruth ? [truth] : []), ...numbers];
  });
  return [header, ...lines].map((cells) => `${csvLine(cells)}\r\n`).join("");
}

function plainFile(file: string): string {
  return /^[=+\-@\t\r]/.test(file) ? `./${file}` : file;
}

function significant(value: number): string {
  return String(Number(value.toPrecision(7)));
}
