import { UserError } from "../../engine/errors.js";
import { type ReadOptions, readFinishedRuns } from "./runs.js";
import { type ResultTable, resultTable, type TableOptions } from "./table.js";

export { averageMetrics, type NetworkChoice, networkChoices, type TestedMetric } from "./entries.js";
export { formatOf, formatResultTable, type TableFormat, tableFormats } from "./format.js";
export { type GapShare, gapShare, type Triple } from "./gap.js";
export { type FinishedRun, readFinishedRuns } from "./runs.js";
export { type ResultTable, resultTable, type TableOptions } from "./table.js";
export { halfInterval, holm, pairedTTest, unpairedTTest, wilcoxonTest } from "./tests.js";

/** What `equipoise table` reports: the table, and the runs that could not enter it. */
export interface RunsTable extends ResultTable {
  runs: number;
  unfinished: string[];
  /** Finished, but not tested on the further images asked for. */
  untested: string[];
}

/**
 * Reads runs, or folders of runs, and compares their configurations.
 * @throws UserError where no run has finished (or was tested on `set`), or the runs do not belong together
 */
export function tableOfRuns(folders: readonly string[], options: TableOptions & ReadOptions = {}): RunsTable {
  const { set } = options;
  const { runs, unfinished, untested } = readFinishedRuns(folders, set === undefined ? {} : { set });
  if (runs.length > 0) {
    const table = resultTable(runs, options);
    const notes = set === undefined ? [] : [`Tested on further images, "${set}".`];
    return { runs: runs.length, unfinished, untested, ...table, notes: [...notes, ...table.notes] };
  }
  if (untested.length > 0)
    throw new UserError(
      `--set ${set}: none of the ${untested.length} finished runs was tested on images of that name (no evaluate-${set}.json); give them in the plan of the experiment (evaluate)`,
    );
  throw new UserError(`${folders.join(", ")}: none of the ${unfinished.length} runs has finished; resume them first`);
}
