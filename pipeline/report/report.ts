import { readRun } from "./data.js";
import { page } from "./page.js";
import type { ReportSource } from "./source.js";

/** What the file of a report is called. */
export const reportName = "report.html";

/**
 * The report of a run, finished or not: one HTML document that needs nothing else. The same files and images give the same document,
 * byte for byte, in Node and in a worker of a page.
 * @throws UserError when there is no file of a run
 */
export async function reportOf(source: ReportSource): Promise<string> {
  return page(await readRun(source));
}
