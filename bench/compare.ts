import { UserError } from "../engine/errors.js";
import type { CompareOptions } from "./options.js";
import { aligned, milliseconds } from "./output/table.js";
import { type BenchRecord, readRecords } from "./run/record.js";

export type Verdict = "faster" | "slower" | "same";

/** A case of one engine in both files. */
export interface Comparison {
  readonly case: string;
  readonly engine: string;
  readonly before: BenchRecord;
  readonly after: BenchRecord;
  /** New best time over the old one. */
  readonly ratio: number;
  /** A ratio within 1/(1+band) to 1+band is noise. */
  readonly band: number;
  readonly verdict: Verdict;
}

/** @returns 1 where a case of ours became slower by more than the noise, else 0 @throws UserError if the files cannot be compared */
export function compareFiles({ before, after, band }: CompareOptions, write: (text: string) => void): number {
  const [old, now] = [readRecords(before), readRecords(after)];
  refuseOtherAdapters(old, now, [before, after]);
  const { comparisons, gone, added } = compareRecords(old, now, band);
  if (comparisons.length === 0)
    throw new UserError(`${before} and ${after} have no case of the same engine in common: measure the same cases`);
  write(`${comparisonTable(comparisons)}\n`);
  for (const { engine, drivers } of otherDrivers(comparisons))
    write(`${engine} ran with another driver: ${drivers}: what changed may be the driver's doing\n`);
  if (gone.length > 0) write(`only in ${before}: ${gone.join(", ")}\n`);
  if (added.length > 0) write(`only in ${after}: ${added.join(", ")}\n`);
  const slower = comparisons.filter((c) => c.verdict === "slower" && c.engine === "equipoise");
  write(
    slower.length > 0
      ? `slower beyond the noise: ${slower.map((c) => c.case).join(", ")}\n`
      : "no case of equipoise became slower beyond the noise\n",
  );
  return slower.length > 0 ? 1 : 0;
}

/** @param least the narrowest band, a share */
export function compareRecords(
  old: readonly BenchRecord[],
  now: readonly BenchRecord[],
  least: number,
): { comparisons: Comparison[]; gone: string[]; added: string[] } {
  const key = (r: BenchRecord) => `${r.case} (${r.engine})`;
  const [oldByKey, nowByKey] = [new Map(old.map((r) => [key(r), r])), new Map(now.map((r) => [key(r), r]))];
  const comparisons = [...oldByKey].flatMap(([name, before]) => {
    const after = nowByKey.get(name);
    return after ? [compared(before, after, least)] : [];
  });
  return {
    comparisons,
    gone: [...oldByKey.keys()].filter((name) => !nowByKey.has(name)),
    added: [...nowByKey.keys()].filter((name) => !oldByKey.has(name)),
  };
}

function compared(before: BenchRecord, after: BenchRecord, least: number): Comparison {
  const ratio = after.bestMs / before.bestMs;
  const band = Math.max(least, spread(before), spread(after));
  const verdict = ratio > 1 + band ? "slower" : ratio < 1 / (1 + band) ? "faster" : "same";
  return { case: before.case, engine: before.engine, before, after, ratio, band, verdict };
}

/** How far the median sample lies above the best one, a share: the noise of a best time is hardly larger. */
export function spread({ bestMs, medianMs }: Pick<BenchRecord, "bestMs" | "medianMs">): number {
  return Math.max(0, medianMs / bestMs - 1);
}

/** Times of different adapters say nothing about the code. */
function refuseOtherAdapters(old: readonly BenchRecord[], now: readonly BenchRecord[], files: [string, string]): void {
  for (const { engine, adapter } of old) {
    const other = now.find((r) => r.engine === engine && r.adapter !== adapter);
    if (other)
      throw new UserError(
        `${engine} ran on "${adapter}" in ${files[0]} and on "${other.adapter}" in ${files[1]}: compare runs on one adapter`,
      );
  }
}

function otherDrivers(comparisons: readonly Comparison[]): { engine: string; drivers: string }[] {
  const changed = comparisons.flatMap(({ engine, before, after }) =>
    before.driver !== after.driver ? [[engine, `${before.driver}, now ${after.driver}`] as const] : [],
  );
  return [...new Map(changed)].map(([engine, drivers]) => ({ engine, drivers }));
}

function comparisonTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ case: name, engine, before, after, ratio, band, verdict }) => [
    name,
    engine,
    milliseconds(before.bestMs),
    milliseconds(after.bestMs),
    `${ratio < 1 ? "-" : "+"}${(100 * Math.abs(ratio - 1)).toFixed(1)} %`,
    `${(100 * band).toFixed(1)} %`,
    verdict,
    "",
  ]);
  return aligned([["case", "engine", "old ms", "new ms", "change", "noise", "verdict", ""], ...rows]);
}
