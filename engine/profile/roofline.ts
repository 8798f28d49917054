import type { Device } from "../device.js";
import * as kernels from "../generated/kernels.js";
import { fold } from "../stream.js";
import { Timestamps } from "./timestamps.js";

/** The adapter's limits as two microbenchmarks reach them. */
export interface Roofline {
  /** Floating-point operations per second of independent f32 multiply-adds; two per multiply-add. */
  readonly flops: number;
  /** Bytes per second, read and written, of a copy that is larger than caches usually are. */
  readonly bytes: number;
  /** How the fastest of each was cut, e.g. "WG=8, FUSED=false". */
  readonly flopsBy: string;
  readonly bytesBy: string;
}

const measured = new Map<string, Promise<Roofline>>();

/** Measures the adapter's roofline; once per process and adapter, in about a second. The device should be idle. */
export function roofline(device: Device): Promise<Roofline> {
  const { vendor, architecture, device: name, description } = device.info;
  const key = [vendor, architecture, name, description].join(" ");
  const known = measured.get(key) ?? measure(device);
  measured.set(key, known);
  known.catch(() => measured.delete(key));
  return known;
}

async function measure(device: Device): Promise<Roofline> {
  const arithmetic = await peakFlops(device);
  const copy = await copyRate(device);
  return { flops: arithmetic.best, flopsBy: arithmetic.by, bytes: copy.best, bytesBy: copy.by };
}

/** Multiply-adds of one invocation in one round: see the kernel. */
const perRound = 96;
/** lavapipe ends every loop after 65535 rounds. */
const mostRounds = 60000;

/** The best rate over workgroup sizes, with and without `fma()`. */
export async function peakFlops(device: Device, samples = 7): Promise<{ best: number; by: string }> {
  const seed = device.empty([4], "peak seed");
  device.write(seed, [0.999, 0.001, 0, 0]);
  const invocations = device.workFor === "cpu" ? 2048 : 1 << 20;
  const out = device.empty([invocations], "peak result");
  const run = (steps: number, constants: { WG: number; FUSED: boolean }) =>
    device.run(kernels.peakFma, { seed, out }, { steps }, fold(invocations / constants.WG), constants);
  try {
    const first = { WG: 64, FUSED: false };
    let steps = 64;
    while (steps < mostRounds && (await bestMs(device, () => run(steps, first), 2)) < targetMs) steps *= 2;
    steps = Math.min(steps, mostRounds);
    return await fastest(device, samples, sizes(device), [false, true], (WG, FUSED) => ({
      by: `WG=${WG}, FUSED=${FUSED}`,
      work: 2 * perRound * steps * invocations,
      run: () => run(steps, { WG, FUSED }),
    }));
  } finally {
    device.release(seed);
    device.release(out);
  }
}

/** Bytes of each of the two buffers, where the adapter binds as much. */
const copyBytes = 1 << 26;

/** The best rate over workgroup sizes and lengths of a thread's run. */
export async function copyRate(device: Device, samples = 7): Promise<{ best: number; by: string }> {
  const bytes = Math.min(copyBytes, device.limits.maxStorageBufferBindingSize);
  const count = Math.floor(bytes / 16);
  const source = device.zeros([count, 4], "copy source");
  const target = device.zeros([count, 4], "copy target");
  try {
    return await fastest(device, samples, sizes(device), [16, 64, 256], (WG, STEPS) => ({
      by: `WG=${WG}, STEPS=${STEPS}`,
      work: 32 * count,
      run: () =>
        device.run(kernels.copy, { source, target_: target }, { count }, fold(Math.ceil(count / (WG * STEPS))), {
          WG,
          STEPS,
        }),
    }));
  } finally {
    device.release(source);
    device.release(target);
  }
}

function sizes(device: Device): number[] {
  const most = device.limits.maxComputeInvocationsPerWorkgroup;
  return [8, 16, 64, 256].filter((size) => size <= most);
}

/** A run should take at least this long, so that waiting does not count, ms. */
const targetMs = 4;

interface Candidate {
  readonly by: string;
  /** Operations or bytes of one run. */
  readonly work: number;
  readonly run: () => void;
}

/** A candidate this much slower than the best of two rounds is not timed again. */
const hopeless = 1.6;
/** Rounds on slow adapters: after these no further one begins when so much time has gone by, ms. */
const leastRounds = 3;
const patienceMs = 1000;

/** Work per second of the fastest candidate. They take turns, so that whatever else the machine does hits them alike. */
async function fastest<A, B>(
  device: Device,
  samples: number,
  first: readonly A[],
  second: readonly B[],
  candidate: (a: A, b: B) => Candidate,
): Promise<{ best: number; by: string }> {
  const candidates = first.flatMap((a) => second.map((b) => candidate(a, b)));
  for (const { run } of candidates) run();
  await device.sync();
  const rates = new Map<Candidate, number>(candidates.map((one) => [one, 0]));
  const begun = performance.now();
  for (let i = 0; i < samples && (i < leastRounds || performance.now() - begun < patienceMs); i++) {
    for (const [one, before] of rates) {
      const rate = one.work / ((await bestMs(device, one.run, 1)) / 1000);
      rates.set(one, Math.max(before, rate));
    }
    const limit = i === 0 ? 0 : Math.max(...rates.values()) / hopeless;
    for (const [one, rate] of rates) if (rate < limit) rates.delete(one);
  }
  const [one, best] = [...rates].reduce((a, b) => (b[1] > a[1] ? b : a));
  return { best, by: one.by };
}

/** The shortest of some runs of one dispatch, ms: by timestamps where the device has them, else by waiting. */
export async function bestMs(device: Device, run: () => void, samples: number): Promise<number> {
  const times = await dispatchTimes(device, run, samples);
  return Math.min(...times);
}

/** Times of runs of one dispatch each, ms. */
export async function dispatchTimes(device: Device, run: () => void, samples: number): Promise<number[]> {
  const timestamps = Timestamps.available(device.gpu) ? new Timestamps(device.gpu) : null;
  const before = device.observer;
  const times: number[] = [];
  try {
    await device.sync();
    for (let i = 0; i < samples; i++) {
      device.observer = timestamps ? { dispatch: () => timestamps.next() } : null;
      const begin = performance.now();
      run();
      device.observer = before;
      await device.sync();
      const elapsed = performance.now() - begin;
      const [interval] = timestamps ? await timestamps.read() : [];
      const ms = interval ? Number(interval.end - interval.begin) / 1e6 : 0;
      // A clock that is too coarse gives nothing: the host's then.
      times.push(ms > 0 ? ms : elapsed);
    }
  } finally {
    device.observer = before;
    timestamps?.destroy();
  }
  return times;
}
