import type { BenchCase } from "../cases.js";
import type { Outcome } from "../run/measure.js";
import type { BenchRecord } from "../run/record.js";
import type { Peaks, SuiteResult } from "../run/suite.js";

const heads = ["case", "engine", "best ms", "median ms", "GFLOP/s", "GB/s", "% of peak", "ours is"];
const leftAligned = 2;

/** All times, with rates, percentages of the measured peaks, and how many times faster ours is. */
export function table({ results, peaks }: SuiteResult): string {
  const rows = results.flatMap(({ benchCase, outcomes }) => {
    const ours = outcomes.find(({ engine }) => engine === "equipoise")?.record;
    return outcomes
      .filter(({ unsupported }) => unsupported === undefined)
      .map((outcome, i) => [i === 0 ? benchCase.name : "", ...cells(outcome, ours, peaks)]);
  });
  return aligned([heads, ...rows]);
}

function cells({ engine, record, failed }: Outcome, ours: BenchRecord | undefined, peaks: Peaks): string[] {
  if (!record) return [engine, failed === undefined ? "-" : "no time", "", "", "", "", ""];
  const share = shareOfPeak(record, peaks);
  return [
    engine,
    milliseconds(record.bestMs),
    milliseconds(record.medianMs),
    record.gflops === null ? "" : rate(record.gflops),
    record.gbps === null ? "" : rate(record.gbps),
    share === null ? "" : `${(100 * share).toFixed(0)} %`,
    !ours || engine === "equipoise" ? "" : ratio(record.bestMs / ours.bestMs),
  ];
}

/** The rate of a record over the adapter's measured one: arithmetic where operations are counted, else memory. */
export function shareOfPeak(record: Pick<BenchRecord, "gflops" | "gbps">, peaks: Peaks): number | null {
  if (record.gflops !== null) return peaks.gflops === null ? null : record.gflops / peaks.gflops;
  if (record.gbps !== null) return peaks.gbps === null ? null : record.gbps / peaks.gbps;
  return null;
}

/** @param value the other engine's time over ours */
function ratio(value: number): string {
  return value >= 1 ? `${value.toFixed(value < 10 ? 2 : 1)}x faster` : `${(1 / value).toFixed(2)}x slower`;
}

export function milliseconds(ms: number): string {
  return ms < 10 ? ms.toFixed(3) : ms < 100 ? ms.toFixed(2) : ms.toFixed(1);
}

export function rate(value: number): string {
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}

/** Columns as wide as their widest cell; the first ones are left-aligned. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  const pad = (cell: string, i: number) =>
    i < leftAligned ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** What a case is bound by, for headings. */
export function boundBy(benchCase: BenchCase): "arithmetic" | "memory" | null {
  if (benchCase.bytes !== null) return "memory";
  return benchCase.flops === null ? null : "arithmetic";
}
