import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../engine/errors.js";
import type { RunOptions } from "./options.js";
import { barChart } from "./output/bars.js";
import { notes } from "./output/notes.js";
import { chartSvg } from "./output/svg.js";
import { table } from "./output/table.js";
import { recordsOf, runSuite } from "./run/suite.js";

/**
 * Measures, and writes what was asked for.
 * @param write takes the results @param log takes progress
 * @returns 0, or 1 if a case of ours has no time, or none has
 */
export async function runBench(
  options: RunOptions,
  write: (text: string) => void,
  log: (line: string) => void,
): Promise<number> {
  const suite = await runSuite(options, log);
  const { results } = suite;
  write(`\n${table(suite)}\n\n${barChart(suite)}\n\n${notes(suite)}\n`);
  if (options.json !== null) save(options.json, `${JSON.stringify(recordsOf(results), null, 2)}\n`);
  if (options.chart !== null) save(options.chart, chartSvg(suite));
  const failed = results.some(({ outcomes }) =>
    outcomes.some((o) => o.engine === "equipoise" && o.failed !== undefined),
  );
  const missing = options.engines.includes("equipoise") && suite.absent.some(({ engine }) => engine === "equipoise");
  return failed || missing || recordsOf(results).length === 0 ? 1 : 0;
}

function save(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (error) {
    throw new UserError(`${file}: cannot be written (${(error as Error).message}): choose another place`);
  }
}
