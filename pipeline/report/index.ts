/** The report of a run, or of several: one HTML file that needs nothing else, made from the run folders alone. */
import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../engine/errors.js";
import { runFolders } from "../statistics/runs.js";
import { folderSource } from "./folder.js";
import { type JoinedOptions, joinedPage } from "./joined.js";
import { reportName, reportOf } from "./report.js";

/**
 * Writes the report of a run, finished or not; the same folder gives the same file, byte for byte.
 * @param outFile default `report.html` in the run folder
 * @returns the path of the file
 * @throws UserError when the folder is not a run folder or the file cannot be written
 */
export async function writeReport(runDir: string, outFile: string = join(runDir, reportName)): Promise<string> {
  await save(outFile, await reportOf(folderSource(runDir)));
  return outFile;
}

/** What `equipoise report` is asked for. */
export interface ReportOptions extends JoinedOptions {
  out?: string;
}

/**
 * Writes the report of one run, or the joined report of several: their folders, or a folder that holds them.
 * @returns the path of the file: by default `report.html` in the one folder given
 * @throws UserError as `writeReport` and `joinedPage`, and when several folders are given without a name for the file
 */
export async function writeReports(
  folders: readonly string[],
  { out, ...options }: ReportOptions = {},
): Promise<string> {
  const [first = "", second] = folders;
  if (second === undefined && !holdsRuns(first)) return writeReport(first, ...(out === undefined ? [] : [out]));
  if (second !== undefined && out === undefined)
    throw new UserError("a report of several folders needs a name: add --out FILE.html");
  const file = out ?? join(first, reportName);
  await save(file, await joinedPage(folders, file, options));
  return file;
}

/** Whether a folder is no run itself, but has runs in it. */
function holdsRuns(folder: string): boolean {
  const isRun = ["config.json", "result.json", "metrics.jsonl"].some((name) => existsSync(join(folder, name)));
  return !isRun && existsSync(folder) && runFolders(folder, 3).length > 0;
}

async function save(file: string, document: string): Promise<void> {
  try {
    await writeFile(`${file}.part`, document);
    await rename(`${file}.part`, file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(`${file}: the report cannot be written (${why}). Choose a folder that exists and is writable.`);
  }
}
