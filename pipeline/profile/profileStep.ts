import type { CapturedStep, Device } from "../../engine/index.js";
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
  /** A profiled step that ran eagerly, for a trace: there the host's part and the memory of each op show. */
  readonly eager: ProfiledStep;
};

/** A step without the profiler: host time, all time (ms), submissions. */
interface PlainStep {
  readonly hostMs: number;
  readonly ms: number;
  readonly submits: number;
}

/** The first steps compile, fill the pool and make bind groups. */
const warmUps = 2;

interface Collected {
  readonly eager: PlainStep[];
  /** Empty where the step cannot be captured. */
  readonly captured: PlainStep[];
  readonly profiled: ProfiledStep[];
}

/**
 * Times a step eagerly; then, as training runs it, captured, without and with the profiler in turns (eagerly where it cannot be
 * captured); then the roofline's microbenchmarks.
 */
export async function profileStep(device: Device, step: Step, options: ProfileOptions): Promise<Measurement> {
  const { repeats, timing, signal, onProgress } = options;
  const profiler = new Profiler(device, timing);
  const times: Collected = { eager: [], captured: [], profiled: [] };
  const total = 2 * repeats + warmUps + 1;
  let done = 0;
  const rounds = async (first: number, round: (kept: boolean) => Promise<void>) => {
    for (let i = first; i < repeats; i++) {
      signal?.throwIfAborted();
      onProgress?.(done++, total);
      await round(i >= 0);
    }
  };
  let captured: CapturedStep | null = null;
  try {
    await rounds(-warmUps, async (kept) => {
      device.pool.resetPeak();
      const one = await plainStep(device, step, step.compute);
      if (kept) times.eager.push(one);
    });
    const peakBytes = device.memory.peak;
    const eager = await profiledStep(device, profiler, step, step.compute);
    step.prepare();
    captured = step.capturable ? device.capture(step.compute) : null;
    const work = captured ? captured.replay.bind(captured) : step.compute;
    await rounds(-1, async (kept) => {
      const one = captured ? await plainStep(device, step, work) : null;
      const two = await profiledStep(device, profiler, step, work);
      if (kept && one) times.captured.push(one);
      if (kept) times.profiled.push(two);
    });
    const roof = await roofline(device);
    onProgress?.(total, total);
    return { eager, peakBytes, ...evaluate(times, summarise(device, times.profiled, roof), roof) };
  } finally {
    profiler.destroy();
    captured?.release();
  }
}

async function profiledStep(device: Device, profiler: Profiler, step: Step, work: () => void): Promise<ProfiledStep> {
  step.prepare();
  await device.sync();
  profiler.begin();
  work();
  return profiler.end();
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

function evaluate(
  { eager, captured, profiled }: Collected,
  rows: readonly ProfileRow[],
  roof: Roofline,
): Omit<Measurement, "eager" | "peakBytes"> {
  const typical = profiled[0] as ProfiledStep;
  const reference = captured.length > 0 ? captured : eager;
  const times = {
    repeats: profiled.length,
    unprofiledBestMs: Math.min(...reference.map(({ ms }) => ms)),
    unprofiledMs: median(reference.map(({ ms }) => ms)),
    eagerMs: median(eager.map(({ ms }) => ms)),
    eagerHostMs: median(eager.map(({ hostMs }) => hostMs)),
    capturedMs: captured.length > 0 ? median(captured.map(({ ms }) => ms)) : null,
    capturedHostMs: captured.length > 0 ? median(captured.map(({ hostMs }) => hostMs)) : null,
    profiledMs: median(profiled.map(({ wallMs }) => wallMs)),
    gpuSpanMs: median(profiled.map(({ spanNs }) => spanNs / 1e6)),
    gpuSumMs: median(profiled.map(({ sumNs }) => sumNs / 1e6)),
  };
  const quantumNs = typical.timing === "host" ? 0 : Math.min(...profiled.map(({ quantumNs }) => quantumNs));
  const total = (of: (row: ProfileRow) => number) => rows.reduce((sum, row) => sum + of(row) * row.calls, 0);
  return {
    timing: typical.timing,
    quantumNs,
    roofline: { gflops: roof.flops / 1e9, gbps: roof.bytes / 1e9, gflopsBy: roof.flopsBy, gbpsBy: roof.bytesBy },
    times,
    dispatches: typical.records.length,
    submits: reference[0]?.submits ?? 0,
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
      "no timestamp queries were used: each dispatch was run again alone and timed by the host; short kernels are known to some 0.02 ms only",
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
