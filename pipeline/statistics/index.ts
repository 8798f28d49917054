import { UserError } from "../../engine/errors.js";
import { readFinishedRuns } from "./runs.js";
import { type ResultTable, resultTable, type TableOptions } from "./table.js";

export { formatOf, formatResultTable, type TableFormat, tableFormats } from "./format.js";
export { type ResultTable, type TableOptions, type TestedMetric, testedMetrics } from "./table.js";

/** What `equipoise table` reports: the table, and the runs that could not enter it. */
export interface RunsTable extends ResultTable {
  runs: number;
  unfinished: string[];
}

/**
 * Reads runs, or folders of runs, and compares their configurations.
 * @throws UserError where no run has finished, or the runs do not belong together
 */
export function tableOfRuns(folders: readonly string[], options: TableOptions = {}): RunsTable {
  const { runs, unfinished } = readFinishedRuns(folders);
  if (runs.length === 0)
    throw new UserError(`${folders.join(", ")}: none of the ${unfinished.length} runs has finished; resume them first`);
  return { runs: runs.length, unfinished, ...resultTable(runs, options) };
}
