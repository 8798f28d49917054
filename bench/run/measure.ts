import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchCase, EngineName } from "../cases.js";
import type { Exchange } from "./inputs.js";
import type { EngineProcess } from "./process.js";
import { type BenchRecord, recordOf } from "./record.js";

export interface MeasureOptions {
  /** Samples of each engine. */
  readonly samples: number;
  /** Seconds that an engine may spend on a case beyond its first five samples. */
  readonly budget: number;
}

/** An engine that takes part, with its process. */
export interface Contestant {
  readonly engine: EngineName;
  readonly process: EngineProcess;
  readonly adapter: string;
  readonly driver: string;
  readonly version: string;
}

/** A time, or why there is none. */
export interface Outcome {
  readonly engine: EngineName;
  readonly record?: BenchRecord;
  /** The engine does not have the case. */
  readonly unsupported?: string;
  /** The engine failed, or its result is wrong: its time does not count. */
  readonly failed?: string;
}

/** A sample lasts at least this long, so that waiting for the GPU does not count. */
const sampleMs = 50;
/** Calls shorter than this are preceded by one that is not timed: the engine before has taken the processor's caches. */
const refreshMs = 500;
/** Calls longer than this are warmed up once, besides the one that gave the result. */
const slowMs = 2000;
/** Between two turns, so that threads of the engine before have gone to sleep. */
const restMs = 20;
const mostCalls = 200;
const fewestSamples = 5;
const prepareSeconds = 180;
const runSeconds = 120;

interface Runner extends Contestant {
  deviation?: number;
  /** How long a call took at the end of the warm-up, and how many make a sample. */
  callMs: number;
  calls: number;
  readonly samplesMs: number[];
  readonly hostMs: number[];
  spentMs: number;
  failed?: string;
  unsupported?: string;
  info?: Readonly<Record<string, unknown>>;
}

/**
 * Times one case: every engine prepares it and shows its result, warms up, and then they take turns, so that whatever else the
 * machine does hits them alike. Ours is the first of `contestants`, where it takes part; the others' results are compared with its.
 */
export async function measureCase(
  benchCase: BenchCase,
  contestants: readonly Contestant[],
  exchange: Exchange,
  options: MeasureOptions,
): Promise<Outcome[]> {
  const runners: Runner[] = contestants.map((c) => ({
    ...c,
    callMs: 0,
    calls: 1,
    samplesMs: [],
    hostMs: [],
    spentMs: 0,
  }));
  const inputs = exchange.inputs(benchCase);
  for (const runner of runners) await attempt(runner, () => prepare(benchCase, runner, inputs, exchange));
  compare(benchCase, runners, exchange);
  for (const runner of alive(runners)) await attempt(runner, () => warmUp(runner));
  for (let round = 0; round < options.samples; round++) {
    for (const runner of alive(runners)) {
      if (round >= fewestSamples && runner.spentMs > options.budget * 1000) continue;
      await attempt(runner, () => sample(runner));
      await sleep(restMs);
    }
  }
  for (const runner of runners)
    if (runner.process.alive && !runner.unsupported) await attempt(runner, () => finish(runner));
  exchange.forget(benchCase);
  return runners.map((runner) => outcome(benchCase, runner));
}

const alive = (runners: readonly Runner[]) =>
  runners.filter((r) => r.failed === undefined && r.unsupported === undefined);

async function attempt(runner: Runner, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    runner.failed ??= (error as Error).message;
  }
}

async function prepare(
  benchCase: BenchCase,
  runner: Runner,
  inputs: Record<string, string>,
  exchange: Exchange,
): Promise<void> {
  const output = benchCase.tolerance === null ? null : exchange.output(benchCase, runner.engine);
  const { name, kind, sizes, model, inputs: shapes } = benchCase;
  const spec = { name, kind, sizes, inputs: shapes, model };
  const answer = await runner.process.request("prepare", { spec, inputs, output }, prepareSeconds);
  if (answer.unsupported !== undefined) runner.unsupported = answer.unsupported;
}

/** A peer whose result differs from ours has no time. */
function compare(benchCase: BenchCase, runners: readonly Runner[], exchange: Exchange): void {
  const { tolerance, flips } = benchCase;
  const [reference, ...others] = alive(runners);
  if (tolerance === null || reference?.engine !== "equipoise") return;
  const expected = readFloats(exchange.output(benchCase, reference.engine));
  const flaw = deviation(expected, expected, tolerance, 0).reason;
  if (flaw) reference.failed = `its result ${flaw}`;
  for (const runner of others) {
    const values = readFloats(exchange.output(benchCase, runner.engine));
    const { value, reason } = deviation(values, expected, tolerance, flips);
    runner.deviation = value;
    if (reason) runner.failed = `its result ${reason}`;
  }
}

/**
 * Compares two results.
 * @param tolerance largest difference allowed, as a share of the largest expected value
 * @param flips share of the elements that may differ more; they are left out of `value`
 * @returns the largest difference as such a share, and what is wrong, if anything is
 */
export function deviation(
  values: Float32Array,
  expected: Float32Array,
  tolerance: number,
  flips: number,
): { value: number; reason?: string } {
  const none = Number.POSITIVE_INFINITY;
  if (values.length !== expected.length)
    return { value: none, reason: `has ${values.length} values, ours ${expected.length}` };
  const largest = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  if (largest === 0) return { value: none, reason: "is zero everywhere" };
  let [within, beyond, count] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const difference = Math.abs((values[i] as number) - (expected[i] as number)) / largest;
    if (!Number.isFinite(difference)) return { value: none, reason: `holds ${values[i]} at ${i}, ours ${expected[i]}` };
    if (difference <= tolerance) within = Math.max(within, difference);
    else {
      count++;
      beyond = Math.max(beyond, difference);
    }
  }
  if (count <= flips * values.length) return { value: within };
  const share = `${count} of ${values.length} values by up to ${beyond.toExponential(1)} of the largest one`;
  return { value: beyond, reason: `deviates from ours in ${share} (allowed: ${tolerance})` };
}

function readFloats(file: string): Float32Array {
  const bytes = readFileSync(file);
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** Three single calls, or one of a slow case; the last one tells how many make a sample. */
async function warmUp(runner: Runner): Promise<void> {
  for (let i = 0; i < 3 && runner.callMs < slowMs; i++) {
    const { ms = 0 } = await runner.process.request("run", { calls: 1 }, runSeconds);
    runner.callMs = ms;
  }
  runner.calls = Math.max(1, Math.min(mostCalls, Math.ceil(sampleMs / Math.max(runner.callMs, 1e-3))));
  if (runner.calls > 1) await runner.process.request("run", { calls: runner.calls }, runSeconds);
}

async function sample(runner: Runner): Promise<void> {
  if (runner.callMs < refreshMs) await runner.process.request("run", { calls: 1 }, runSeconds);
  const { ms, hostMs } = await runner.process.request("run", { calls: runner.calls }, runSeconds);
  if (ms === undefined) throw new Error(`${runner.engine}: an answer without time`);
  runner.samplesMs.push(ms / runner.calls);
  if (hostMs !== undefined) runner.hostMs.push(hostMs / runner.calls);
  runner.spentMs += ms;
}

async function finish(runner: Runner): Promise<void> {
  const { info } = await runner.process.request("finish", {}, runSeconds);
  if (info && Object.keys(info).length > 0) runner.info = info;
}

function outcome(benchCase: BenchCase, runner: Runner): Outcome {
  const { engine, adapter, driver, version, samplesMs, hostMs, deviation, info, failed, unsupported } = runner;
  if (unsupported !== undefined) return { engine, unsupported };
  if (failed !== undefined) return { engine, failed };
  const flops = benchCase.flops ?? (typeof info?.flops === "number" ? info.flops : null);
  const at = samplesMs.indexOf(Math.min(...samplesMs));
  const host = hostMs[at];
  const record = recordOf(
    { case: benchCase.name, engine, adapter, driver, version },
    samplesMs,
    { flops, bytes: benchCase.bytes },
    {
      ...(engine === "equipoise" && host !== undefined && { hostShare: host / (samplesMs[at] as number) }),
      ...(deviation !== undefined && { deviation }),
      ...(info && { info }),
    },
  );
  return { engine, record };
}
