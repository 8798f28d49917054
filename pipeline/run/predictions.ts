/**
 * The table of predictions (`predict --out FILE.csv`, `RUN/predictions.csv`): RFC 4180, UTF-8, CRLF line ends.
 *
 * Columns: `file`, `class` (predicted), `truth` (only when a truth is known; empty where it is not), one `p_<Class>` per class,
 * `entropy` in bits (0 = certain, log2(classes) = undecided). Numbers keep 7 significant digits, the precision of float32.
 *
 * Spreadsheets run cells that start with = + - @ as formulas. A file name that does is written with a leading `./`: another
 * spelling of the same path, so nothing is lost. Class names are written as they are.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { UserError } from "../../engine/errors.js";
import { argmax, entropyBits } from "../metrics.js";

/** One image to write. `truth` is a class index, null when unknown. */
export interface PredictionRow {
  file: string;
  probabilities: ArrayLike<number>;
  truth?: number | null;
}

/** One image as read back. `predicted` and `truth` are indices into the table's classes. */
export interface Prediction {
  file: string;
  predicted: number;
  truth: number | null;
  probabilities: number[];
  entropy: number | null;
}

/** A table of predictions as read back. */
export interface PredictionTable {
  classes: string[];
  rows: Prediction[];
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
  return [header, ...lines].map((cells) => `${cells.map(quote).join(",")}\r\n`).join("");
}

/**
 * Writes the table; the file appears complete or not at all.
 * @throws UserError when the place cannot be written
 */
export async function writePredictions(
  file: string,
  rows: readonly PredictionRow[],
  classes: readonly string[],
): Promise<void> {
  const temporary = `${file}.part`;
  try {
    await writeFile(temporary, predictionsCsv(rows, classes));
    await rename(temporary, file);
  } catch (error) {
    throw new UserError(`${file}: cannot be written (${reason(error)}). Choose a folder that exists and is writable.`);
  }
}

/**
 * Reads a table written by `writePredictions`.
 * @throws UserError when the file cannot be read or is not such a table; the message names the line
 */
export async function readPredictions(file: string): Promise<PredictionTable> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${reason(error)}).`);
  }
  const [header = [], ...lines] = parseCsv(text);
  const classes = header.filter((name) => name.startsWith("p_")).map((name) => name.slice(2));
  const first = header.findIndex((name) => name.startsWith("p_"));
  if (header[0] !== "file" || header[1] !== "class" || classes.length === 0)
    throw new UserError(`${file}: the first line is "${header.join(",")}", expected file,class,p_<Class>...,entropy`);
  const truthColumn = header[2] === "truth" ? 2 : -1;
  const rows = lines.map((cells, i) => {
    if (cells.length !== header.length)
      throw new UserError(`${file}: row ${i + 2} has ${cells.length} columns, the first line has ${header.length}.`);
    const truth = truthColumn < 0 ? -1 : classes.indexOf(cells[truthColumn]!);
    return {
      file: cells[0]!,
      predicted: classes.indexOf(cells[1]!),
      truth: truth < 0 ? null : truth,
      probabilities: cells.slice(first, first + classes.length).map(Number),
      entropy: number(cells[first + classes.length]),
    };
  });
  const broken = rows.findIndex((row) => row.predicted < 0 || row.probabilities.some((p) => !(p >= 0 && p <= 1)));
  if (broken >= 0)
    throw new UserError(
      `${file}: row ${broken + 2} ("${lines[broken]!.join(",")}") has no known class or a value outside 0..1.`,
    );
  return { classes, rows };
}

/** Cells of RFC 4180 text: quoted cells may hold commas, line breaks and doubled quotes. Empty lines are left out. */
export function parseCsv(text: string): string[][] {
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/gy;
  const rows: string[][] = [];
  let row: string[] = [];
  cell.lastIndex = text.startsWith("\uFEFF") ? 1 : 0;
  while (cell.lastIndex < text.length || row.length > 0) {
    const at = cell.lastIndex;
    const match = cell.exec(text);
    if (!match) throw new UserError(`CSV: a quote at character ${at} of the text is not closed or not doubled.`);
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  return rows;
}

function quote(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

function plainFile(file: string): string {
  return /^[=+\-@\t\r]/.test(file) ? `./${file}` : file;
}

function significant(value: number): string {
  return String(Number(value.toPrecision(7)));
}

function number(cell: string | undefined): number | null {
  return cell === undefined || cell === "" || !Number.isFinite(Number(cell)) ? null : Number(cell);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
