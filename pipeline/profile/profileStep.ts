import type { Device } from "../../engine/index.js";
import {
  type ProfiledStep,
  type ProfileRow,
  Profiler,
  quantile,
  type Roofline,
  roofline,
  summarise,
  type Timing,
} from "../../engine/profile/index.js";
import type { ProfileDocument } from "./document.js";
import type { Step } from "./steps.js";

export interface ProfileOptions {
  /** Steps that are timed with and without the profiler, in turns. */
  readonly repeats: number;
  readonly timing?: Timing;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What the measurement of a step says; the caller adds what was measured. */
export type Measurement = Pick<
  ProfileDocument,
  | "timing"
  | "quantumNs"
  | "roofline"
  | "times"
  | "dispatches"
  | "submits"
  | "peakBytes"
  | "totals"
  | "warnings"
  | "rows"
> & {
  /** The profiled step of median length, for a trace. */
  readonly typical: ProfiledStep;
};

/** A step without the profiler: host time, all time (ms), submissions. */
interface PlainStep {
  readonly hostMs: number;
  readonly ms: number;
  readonly submits: number;
}

/** The first steps compile, fill the pool and make bind groups. */
const warmUps = 2;

/** Runs a step without and with the profiler, in turns, and then the roofline's microbenchmarks. */
export async function profileStep(device: Device, step: Step, options: ProfileOptions): Promise<Measurement> {
  const { repeats, timing, signal, onProgress } = options;
  const profiler = new Profiler(device, timing);
  const plain: PlainStep[] = [];
  const profiled: ProfiledStep[] = [];
  try {
    for (let i = -warmUps; i < repeats; i++) {
      signal?.throwIfAborted();
      onProgress?.(i + warmUps, repeats + warmUps);
      device.pool.resetPeak();
      const one = await plainStep(device, step, step.compute);
      if (i >= 0) plain.push(one);
      if (i < -1) continue;
      step.prepare();
      await device.sync();
      profiler.begin();
      step.compute();
      const two = await profiler.end();
      if (i >= 0) profiled.push(two);
    }
    onProgress?.(repeats + warmUps, repeats + warmUps);
  } finally {
    profiler.destroy();
  }
  const peakBytes = device.memory.peak;
  const captured = step.capturable ? await capturedSteps(device, step, repeats) : [];
  const roof = await roofline(device);
  return evaluate(plain, captured, profiled, summarise(device, profiled, roof), roof, peakBytes);
}

/** @param work the GPU's part: eager, or a replay */
async function plainStep(device: Device, step: Step, work: () => void): Promise<PlainStep> {
  await device.sync();
  const { submits } = device.counters;
  const begin = performance.now();
  step.prepare();
  work();
  device.flush();
  const hostMs = performance.now() - begin;
  await device.sync();
  return { hostMs, ms: performance.now() - begin, submits: device.counters.submits - submits };
}

/** The same step as training runs it: recorded once, then replayed. */
async function capturedSteps(device: Device, step: Step, repeats: number): Promise<PlainStep[]> {
  step.prepare();
  const captured = device.capture(step.compute);
  try {
    const times: PlainStep[] = [];
    for (let i = -1; i < repeats; i++) {
      const one = await plainStep(device, step, () => captured.replay());
      if (i >= 0) times.push(one);
    }
    return times;
  } finally {
    captured.release();
  }
}

function evaluate(
  plain: readonly PlainStep[],
  captured: readonly PlainStep[],
  profiled: readonly ProfiledStep[],
  rows: readonly ProfileRow[],
  roof: Roofline,
  peakBytes: number,
): Measurement {
  const typical = profiled.toSorted((a, b) => a.wallMs - b.wallMs)[Math.floor(profiled.length / 2)] as ProfiledStep;
  const times = {
    repeats: profiled.length,
    unprofiledBestMs: Math.min(...plain.map(({ ms }) => ms)),
    unprofiledMs: median(plain.map(({ ms }) => ms)),
    unprofiledHostMs: median(plain.map(({ hostMs }) => hostMs)),
    capturedMs: captured.length > 0 ? median(captured.map(({ ms }) => ms)) : null,
    capturedHostMs: captured.length > 0 ? median(captured.map(({ hostMs }) => hostMs)) : null,
    profiledMs: median(profiled.map(({ wallMs }) => wallMs)),
    gpuSpanMs: median(profiled.map(({ spanNs }) => spanNs / 1e6)),
    gpuSumMs: median(profiled.map(({ sumNs }) => sumNs / 1e6)),
  };
  const quantumNs = typical.timing === "host" ? 0 : Math.min(...profiled.map(({ quantumNs }) => quantumNs));
  const total = (of: (row: ProfileRow) => number) => rows.reduce((sum, row) => sum + of(row) * row.calls, 0);
  return {
    typical,
    timing: typical.timing,
    quantumNs,
    roofline: { gflops: roof.flops / 1e9, gbps: roof.bytes / 1e9, gflopsBy: roof.flopsBy, gbpsBy: roof.bytesBy },
    times,
    dispatches: typical.records.length,
    submits: plain[0]?.submits ?? 0,
    peakBytes,
    totals: {
      matrixFlops: total((row) => (row.flopsKind === "matrix" ? (row.flops ?? 0) : 0)),
      paddedMatrixFlops: total((row) => (row.flopsKind === "matrix" ? (row.paddedFlops ?? 0) : 0)),
      bytes: total((row) => row.bytes),
      recoverableMs: rows.reduce((sum, row) => sum + row.recoverableMs, 0),
    },
    warnings: warnings(profiled, quantumNs, rows),
    rows,
  };
}

/** A clock with steps longer than this says little about short kernels, ns. */
const coarse = 10_000;

function warnings(profiled: readonly ProfiledStep[], quantumNs: number, rows: readonly ProfileRow[]): string[] {
  const found: string[] = [];
  const typical = profiled[0];
  if (typical?.timing === "host") {
    found.push(
      "this adapter has no timestamp queries: each dispatch was run again alone and timed by the host; short kernels are known to some 0.02 ms only",
    );
  }
  const invalid = profiled.reduce((sum, step) => sum + step.invalid, 0);
  if (invalid > 0) found.push(`the adapter gave no times for ${invalid} dispatches; they count as 0`);
  if (quantumNs >= coarse) {
    const us = (quantumNs / 1000).toFixed(1);
    const short = rows.filter(({ medianMs }) => medianMs * 1e6 < 10 * quantumNs).length;
    found.push(
      `timestamps are quantised to ${us} us: ${short} of ${rows.length} rows are shorter than ten such steps, and their times are rough`,
    );
  }
  return found;
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
