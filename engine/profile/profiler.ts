import type { Device, Dispatch, DispatchObserver } from "../device.js";
import * as kernels from "../generated/kernels.js";
import { type Interval, Timestamps } from "./timestamps.js";

/**
 * How a dispatch was timed. "timestamps": by the GPU, in a pass of its own. "host": each dispatch of the step was run once more
 * and waited for; for adapters without timestamp queries, coarser, and without the gaps between dispatches.
 */
export type Timing = "timestamps" | "host";

/** One dispatch of a profiled step. */
export interface DispatchRecord {
  /** Place in the step, from 0. */
  readonly order: number;
  readonly dispatch: Dispatch;
  /** When the host recorded it, and how long it had prepared it, ms since the step's begin. */
  readonly hostMs: number;
  readonly hostTookMs: number;
  /** Bytes of the device's tensors at that moment. */
  readonly liveBytes: number;
  /** When the GPU began it, ns since it began the step's first dispatch. */
  readonly beginNs: number;
  readonly ns: number;
}

/** A step of which every dispatch was timed. */
export interface ProfiledStep {
  readonly timing: Timing;
  readonly records: readonly DispatchRecord[];
  /** Host time until all was recorded, and until the GPU had done it, ms. */
  readonly recordMs: number;
  readonly wallMs: number;
  /** From the begin of the first dispatch to the end of the last one; with host timing their sum. */
  readonly spanNs: number;
  readonly sumNs: number;
  readonly submits: number;
  /** Smallest step of the adapter's clock that shows in the times, ns; 0: none was seen. */
  readonly quantumNs: number;
  /** Dispatches whose times are no interval: the adapter gave none. They count 0 ns. */
  readonly invalid: number;
}

/** What is known of a dispatch before its times are. */
type Pending = Omit<DispatchRecord, "beginNs" | "ns">;

/**
 * Times every dispatch of a step: set it as the observer of a device by `begin()`, run the step, then `await end()`. In this mode
 * alone each dispatch has a pass of its own, so the step takes longer than otherwise; measure it without as well.
 */
export class Profiler implements DispatchObserver {
  readonly timing: Timing;
  private readonly timestamps: Timestamps | null;
  private pending: Pending[] = [];
  private began = 0;
  private last = 0;
  private submitsBefore = 0;

  /** @param timing default: by timestamps where the device has them */
  constructor(
    private readonly device: Device,
    timing?: Timing,
  ) {
    const available = Timestamps.available(device.gpu);
    this.timing = timing ?? (available ? "timestamps" : "host");
    this.timestamps = this.timing === "timestamps" ? new Timestamps(device.gpu) : null;
  }

  /** From now on dispatches are timed. The device should have nothing to do. */
  begin(): void {
    this.pending = [];
    this.submitsBefore = this.device.counters.submits;
    this.device.observer = this;
    this.began = performance.now();
    this.last = this.began;
  }

  dispatch(dispatch: Dispatch): GPUComputePassTimestampWrites | undefined {
    const now = performance.now();
    this.pending.push({
      order: this.pending.length,
      dispatch,
      hostMs: now - this.began,
      hostTookMs: now - this.last,
      liveBytes: this.device.memory.live,
    });
    const writes = this.timestamps?.next();
    this.last = performance.now();
    return writes;
  }

  /**
   * Waits until the GPU is done and reads the times. With host timing the step's dispatches are run again, so its tensors'
   * buffers must still exist, and in-place kernels (an optimiser) have acted twice.
   */
  async end(): Promise<ProfiledStep> {
    const { device, pending } = this;
    device.observer = null;
    this.pending = [];
    device.flush();
    const recordMs = performance.now() - this.began;
    await device.sync();
    const wallMs = performance.now() - this.began;
    const submits = device.counters.submits - this.submitsBefore;
    const measured = this.timestamps
      ? byTimestamps(pending, await this.timestamps.read())
      : await byHost(device, pending);
    return { timing: this.timing, recordMs, wallMs, submits, ...measured };
  }

  /** Gives the query sets back. */
  destroy(): void {
    if (this.device.observer === this) this.device.observer = null;
    this.timestamps?.destroy();
  }
}

type Measured = Pick<ProfiledStep, "records" | "spanNs" | "sumNs" | "quantumNs" | "invalid">;

function byTimestamps(pending: readonly Pending[], intervals: readonly Interval[]): Measured {
  const valid = intervals.filter(({ begin, end }) => begin > 0n && end >= begin);
  const first = valid.reduce((least, { begin }) => (begin < least ? begin : least), valid[0]?.begin ?? 0n);
  const last = valid.reduce((most, { end }) => (end > most ? end : most), first);
  const records = pending.map((one, i) => {
    const { begin, end } = intervals[i] ?? { begin: 0n, end: 0n };
    const known = begin > 0n && end >= begin;
    return { ...one, beginNs: known ? Number(begin - first) : 0, ns: known ? Number(end - begin) : 0 };
  });
  return {
    records,
    spanNs: Number(last - first),
    sumNs: records.reduce((sum, { ns }) => sum + ns, 0),
    quantumNs: quantum(valid, first),
    invalid: pending.length - valid.length,
  };
}

/** The greatest common divisor of all times since `first`. */
function quantum(intervals: readonly Interval[], first: bigint): number {
  let divisor = 0n;
  for (const { begin, end } of intervals) {
    for (const time of [begin - first, end - first]) {
      let [a, b] = [divisor, time];
      while (b > 0n) [a, b] = [b, a % b];
      divisor = a;
    }
  }
  return Number(divisor);
}

/** Runs each dispatch again, alone; the time of a dispatch that does nothing is taken off. */
async function byHost(device: Device, pending: readonly Pending[]): Promise<Measured> {
  const idle = await idleMs(device);
  const records: DispatchRecord[] = [];
  let beginNs = 0;
  for (const one of pending) {
    const { kernel, bindings, params, grid, constants } = one.dispatch;
    const begin = performance.now();
    device.run(kernel, bindings, params, grid, constants);
    await device.sync();
    const ns = Math.max(0, performance.now() - begin - idle) * 1e6;
    records.push({ ...one, beginNs, ns });
    beginNs += ns;
  }
  return { records, spanNs: beginNs, sumNs: beginNs, quantumNs: 0, invalid: 0 };
}

/** Host time of the shortest dispatch there is, ms. */
async function idleMs(device: Device): Promise<number> {
  const out = device.empty([4], "profiler's idle dispatch");
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const begin = performance.now();
    device.run(kernels.fill, { out }, { count: 1, value: 0 }, [1, 1, 1], {});
    await device.sync();
    times.push(performance.now() - begin);
  }
  device.release(out);
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}
