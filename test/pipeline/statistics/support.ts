import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { tableOfRuns } from "../../../pipeline/statistics/index.js";
import { type FinishedRunOptions, writeFinishedRun } from "../../support/fakeRuns.js";

/** A folder for each test. */
export let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-table-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Writes a finished run and gives its folder. */
export function add(name: string, options: FinishedRunOptions): string {
  const folder = join(root, name);
  writeFinishedRun(folder, options);
  return folder;
}

/** Runs of a configuration with the balanced accuracies given, one per fold. */
export function addFolds(config: string, accuracies: readonly number[], set: string[] = []): void {
  for (const [fold, balancedAccuracy] of accuracies.entries()) {
    const request = { config, preset: "tiny", fold, seed: 5, set };
    add(`${config}-${set.join("+")}-${fold}`, { request, student: { balancedAccuracy } });
  }
}

/** The table of averages over classes. */
export const overall = (table: ReturnType<typeof tableOfRuns>) => table.tables.at(-1)!;
