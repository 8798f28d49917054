/** The report of a run: one HTML file that needs nothing else, made from the run folder alone. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../engine/errors.js";
import { readRun } from "./data.js";
import { page } from "./page.js";

/**
 * Writes the report of a run, finished or not; the same folder gives the same file, byte for byte.
 * @param outFile default `report.html` in the run folder
 * @returns the path of the file
 * @throws UserError when the folder is not a run folder or the file cannot be written
 */
export async function writeReport(runDir: string, outFile: string = join(runDir, "report.html")): Promise<string> {
  const document = page(await readRun(runDir));
  try {
    await writeFile(`${outFile}.part`, document);
    await rename(`${outFile}.part`, outFile);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(
      `${outFile}: the report cannot be written (${why}). Choose a folder that exists and is writable.`,
    );
  }
  return outFile;
}
