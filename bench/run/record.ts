import { readFileSync } from "node:fs";
import { UserError } from "../../engine/errors.js";

/** One engine's time of one case: what `--json` writes an array of. */
export interface BenchRecord {
  readonly case: string;
  readonly engine: string;
  /** What the engine computed on: the WebGPU adapter, or the processor. */
  readonly adapter: string;
  /** What the adapter says of its driver; empty for a processor. */
  readonly driver: string;
  /** Milliseconds per call. */
  readonly bestMs: number;
  readonly medianMs: number;
  /** At the best time, by the analytic operations and bytes of the case; null: not counted. */
  readonly gflops: number | null;
  readonly gbps: number | null;
  /** Milliseconds per call of each sample, in order. */
  readonly samplesMs: readonly number[];
  /** The engine's version, and when it was measured (ISO 8601, UTC). */
  readonly version: string;
  readonly date: string;
  /** Share of the best time in which the host recorded work, if it is known. */
  readonly hostShare?: number;
  /** Largest deviation from our result, as a share of its largest value. */
  readonly deviation?: number;
  /** What else the engine says of the case: bytes, dispatches. */
  readonly info?: Readonly<Record<string, unknown>>;
}

/** Everything that a record says of its samples. */
export function recordOf(
  of: Pick<BenchRecord, "case" | "engine" | "adapter" | "driver" | "version">,
  samplesMs: readonly number[],
  work: { readonly flops: number | null; readonly bytes: number | null },
  more: Pick<BenchRecord, "hostShare" | "deviation" | "info">,
): BenchRecord {
  const bestMs = Math.min(...samplesMs);
  const rate = (amount: number | null) => (amount === null ? null : rounded(amount / bestMs / 1e6));
  return {
    case: of.case,
    engine: of.engine,
    adapter: of.adapter,
    driver: of.driver,
    bestMs: rounded(bestMs),
    medianMs: rounded(median(samplesMs)),
    gflops: rate(work.flops),
    gbps: rate(work.bytes),
    samplesMs: samplesMs.map(rounded),
    version: of.version,
    date: new Date().toISOString(),
    ...more,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return ((low as number) + (high as number)) / 2;
}

/** Five significant digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

/** Reads what `--json` wrote. @throws UserError naming the file and what is wrong with it */
export function readRecords(file: string): BenchRecord[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(
      `${file}: cannot be read as JSON (${(error as Error).message}): write it by bench --json ${file}`,
    );
  }
  if (!Array.isArray(value)) throw new UserError(`${file}: expected an array of records, as bench --json writes it`);
  value.forEach((record: Partial<BenchRecord> | null, i) => {
    for (const key of ["case", "engine", "adapter"] as const)
      if (typeof record?.[key] !== "string") throw wrong(file, i, key, record?.[key], "a text");
    for (const key of ["bestMs", "medianMs"] as const)
      if (!((record?.[key] as number) > 0)) throw wrong(file, i, key, record?.[key], "a time above 0");
  });
  return value as BenchRecord[];
}

function wrong(file: string, i: number, key: string, value: unknown, expected: string): UserError {
  return new UserError(
    `${file}: record ${i}: ${key} is ${JSON.stringify(value)}, expected ${expected}: measure again by bench --json`,
  );
}
