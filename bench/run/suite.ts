import { type BenchCase, benchCases } from "../cases.js";
import type { RunOptions } from "../options.js";
import { findEngine } from "./engines.js";
import { firstSteps } from "./firstStep.js";
import { Exchange } from "./inputs.js";
import { measureCase, type Outcome } from "./measure.js";
import type { BenchRecord } from "./record.js";
import { findAbsent, type Started, startEngines } from "./start.js";

/** The adapter's measured limits; null: not measured. */
export interface Peaks {
  readonly gflops: number | null;
  readonly gbps: number | null;
}

export interface CaseOutcomes {
  readonly benchCase: BenchCase;
  readonly outcomes: readonly Outcome[];
}

export interface SuiteResult {
  readonly results: readonly CaseOutcomes[];
  readonly peaks: Peaks;
  /** Engines that did not take part, with the reason. */
  readonly absent: readonly { engine: string; reason: string }[];
}

/** Measures the cases one after the other in one run. @param log told of each case */
export async function runSuite(options: RunOptions, log: (line: string) => void): Promise<SuiteResult> {
  const exchange = new Exchange();
  const started: Started[] = [];
  const wanted = options.engines.filter((engine) => options.cases.some((c) => c.engines.includes(engine)));
  const absent = findAbsent(wanted);
  try {
    const { engines, failed } = await startEngines({ ...options, engines: wanted }, log);
    started.push(...engines);
    absent.push(...failed);
    const results: CaseOutcomes[] = [];
    const measure = async (benchCase: BenchCase): Promise<CaseOutcomes> => {
      const outcomes = await outcomesOf(benchCase, started, exchange, options);
      for (const outcome of outcomes) log(line(benchCase, outcome));
      return { benchCase, outcomes };
    };
    // Percentages refer to the peaks of this very run, whether or not they were asked for.
    const peakCases = benchCases.filter((c) => c.name === "peak-fma" || c.name === "copy");
    const hasOurs = started.some(({ engine }) => engine === "equipoise");
    const peakResults: CaseOutcomes[] = [];
    if (hasOurs) for (const benchCase of peakCases) peakResults.push(await measure(benchCase));
    for (const benchCase of options.cases) {
      const known = peakResults.find((result) => result.benchCase === benchCase);
      results.push(known ?? (await measure(benchCase)));
    }
    return { results, peaks: peaksOf(peakResults), absent };
  } finally {
    await Promise.all(started.map(({ process }) => process.close()));
    exchange.close();
  }
}

function outcomesOf(
  benchCase: BenchCase,
  started: readonly Started[],
  exchange: Exchange,
  options: RunOptions,
): Promise<Outcome[]> {
  const asked = started.filter(({ engine }) => benchCase.engines.includes(engine));
  if (benchCase.process === undefined) return measureCase(benchCase, asked, exchange, options);
  return Promise.all(asked.map(({ engine }) => firstSteps(benchCase, engine, findEngine(engine), exchange, options)));
}

function line(benchCase: BenchCase, { engine, record, unsupported, failed }: Outcome): string {
  const what = record
    ? `best ${record.bestMs} ms, median ${record.medianMs} ms`
    : unsupported !== undefined
      ? `not there: ${unsupported}`
      : `no time: ${failed}`;
  return `${benchCase.name}: ${engine}: ${what}`;
}

function peaksOf(results: readonly CaseOutcomes[]): Peaks {
  const rate = (name: string, key: "gflops" | "gbps") => ours(results, name)?.[key] ?? null;
  return { gflops: rate("peak-fma", "gflops"), gbps: rate("copy", "gbps") };
}

function ours(results: readonly CaseOutcomes[], name: string): BenchRecord | undefined {
  const result = results.find(({ benchCase }) => benchCase.name === name);
  return result?.outcomes.find(({ engine }) => engine === "equipoise")?.record;
}

/** All times of a run. */
export function recordsOf(results: readonly CaseOutcomes[]): BenchRecord[] {
  return results.flatMap(({ outcomes }) => outcomes.flatMap(({ record }) => (record ? [record] : [])));
}
