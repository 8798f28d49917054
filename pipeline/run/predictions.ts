import { readFile, rename, writeFile } from "node:fs/promises";
import { UserError } from "../../engine/errors.js";
import { parseCsv, unguarded } from "../data/csv.js";
import { type MoreColumns, type PredictionRow, predictionsCsv } from "./predictionsCsv.js";

export { type MoreColumns, type PredictionRow, predictionsCsv } from "./predictionsCsv.js";

import { reason } from "./store.js";

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

/**
 * Writes the table; the file appears complete or not at all.
 * @throws UserError when the place cannot be written
 */
export async function writePredictions(
  file: string,
  rows: readonly PredictionRow[],
  classes: readonly string[],
  more?: MoreColumns,
): Promise<void> {
  const temporary = `${file}.part`;
  try {
    await writeFile(temporary, predictionsCsv(rows, classes, more));
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
  const { columns, rows } = parseCsv(text, file);
  const classes = columns.filter((name) => name.startsWith("p_")).map((name) => name.slice(2));
  if (columns[0] !== "file" || columns[1] !== "class" || classes.length === 0) {
    const hint = columns[0]?.includes(";") ? "; save it with commas, not semicolons" : "";
    throw new UserError(
      `${file}: the first line is "${columns.join(",")}", expected file,class,p_<Class>...,entropy${hint}`,
    );
  }
  const more = columns.slice(2).filter((name) => !["truth", "entropy"].includes(name) && !name.startsWith("p_"));
  const read = rows.map(({ line, values }) => ({
    ...prediction(values, classes, `${file}, line ${line}`),
    more: Object.fromEntries(more.map((name) => [unguarded(name), unguarded(values[name] ?? "")])),
  }));
  return { classes, columns: more.map(unguarded), rows: read };
}

function prediction(values: Record<string, string>, classes: readonly string[], place: string) {
  const predicted = classes.indexOf(values.class!);
  if (predicted < 0)
    throw new UserError(`${place}: class "${values.class}" is none of ${classes.join(", ")}; was the file edited?`);
  const probabilities = classes.map((name) => Number(values[`p_${name}`]));
  const wrong = probabilities.findIndex((p) => !(p >= 0 && p <= 1));
  if (wrong >= 0)
    throw new UserError(
      `${place}: p_${classes[wrong]} is "${values[`p_${classes[wrong]}`]}", expected a number from 0 to 1`,
    );
  const truth = classes.indexOf(values.truth ?? "");
  return { file: values.file!, predicted, truth: truth < 0 ? null : truth, probabilities };
}
