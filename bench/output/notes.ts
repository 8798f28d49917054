import { mebibytes } from "../../engine/index.js";
import type { BenchRecord } from "../run/record.js";
import { recordsOf, type SuiteResult } from "../run/suite.js";
import { milliseconds } from "./table.js";

/** What the table has no column for: engines that are missing, times that do not count, the host's share, memory, first steps. */
export function notes(suite: SuiteResult): string {
  const { results, absent } = suite;
  const lines = absent.map(({ engine, reason }) => `${engine} took no part: ${reason}`);
  for (const { benchCase, outcomes } of results) {
    for (const { engine, failed, unsupported } of outcomes) {
      if (failed !== undefined) lines.push(`${benchCase.name}: no time of ${engine}: ${failed}`);
      if (unsupported !== undefined) lines.push(`${benchCase.name}: ${engine} ${unsupported}`);
    }
  }
  for (const record of recordsOf(results)) lines.push(...stepNotes(record));
  const adapters = new Map(
    recordsOf(results).map((r) => [
      r.engine,
      `${r.engine} ${r.version} on ${r.adapter}${r.driver ? ` (${r.driver})` : ""}`,
    ]),
  );
  return [...adapters.values(), ...lines].join("\n");
}

function stepNotes({ case: name, engine, info = {}, hostShare, bestMs }: BenchRecord): string[] {
  if (engine !== "equipoise" || !/step/.test(name)) return [];
  const said: string[] = [];
  if (typeof info.dispatches === "number") said.push(`${info.dispatches} dispatches`);
  if (typeof info.submitsPerStep === "number") said.push(`${info.submitsPerStep.toFixed(1)} submissions`);
  if (hostShare !== undefined && typeof info.dispatches === "number") {
    const hostMs = hostShare * bestMs;
    said.push(`host ${milliseconds(hostMs)} ms (${(100 * hostShare).toFixed(1)} % of the step)`);
    said.push(`${((1000 * hostMs) / info.dispatches).toFixed(1)} us of it per dispatch`);
  }
  const { peakBytes, minimumBytes } = info;
  if (typeof peakBytes === "number") {
    const least =
      typeof minimumBytes === "number"
        ? `, ${(peakBytes / minimumBytes).toFixed(2)} times the analytic minimum of ${mebibytes(minimumBytes)}`
        : "";
    said.push(`peak ${mebibytes(peakBytes)}${least}`);
  }
  return said.length > 0 ? [`${name}: ${said.join(", ")}`] : [];
}
