import { readFile, rename, writeFile } from "node:fs/promises";
import { UserError } from "../../engine/errors.js";
import {
  type MoreColumns,
  type PredictionRow,
  type PredictionTable,
  parsePredictions,
  predictionsCsv,
} from "./predictionsCsv.js";
import { reason } from "./store.js";

export {
  type MoreColumns,
  type Prediction,
  type PredictionRow,
  type PredictionTable,
  predictionsCsv,
} from "./predictionsCsv.js";

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
  return parsePredictions(text, file);
}
