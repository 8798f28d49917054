import type { Device } from "../device.js";
import { fill } from "../stream.js";
import type { Request } from "./choices.js";
import type { Operands, Variant } from "./operation.js";

/** What the tuner found for one shape class. */
export interface Tuned {
  /** "operation shape-class". */
  readonly key: string;
  /** The variant that is now chosen. */
  readonly variant: string;
  /** The variant that is taken where nothing has been tuned. */
  readonly preferred: string;
  /** Best time per call of each variant that was timed to the end, seconds; empty where there is only one. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Floating-point operations of one call. */
  readonly flops: number;
}

export interface TuneOptions {
  /** Rounds in which every variant still in the race is timed once. Default 5. */
  readonly samples?: number;
  readonly onProgress?: (done: number, total: number, key: string) => void;
  readonly signal?: AbortSignal;
}

/** A round lasts at least this long, so that waiting for the GPU does not count, s. */
const roundSeconds = 0.006;
/** A variant this much slower than the best in its first round is not timed again. */
const hopeless = 1.6;
/** The preferred variant gives way only to one that is faster by more than the noise of a measurement. */
const noise = 0.97;

/**
 * Times the variants of each request on this device and chooses the fastest: `device.choices` then holds it.
 * The outcome depends on the clock, so runs store their choices and repeat with them, not with a second tuning.
 */
export async function tune(
  device: Device,
  requests: ReadonlyMap<string, Request>,
  { samples = 5, onProgress, signal }: TuneOptions = {},
): Promise<Tuned[]> {
  const outcome: Tuned[] = [];
  for (const [key, request] of requests) {
    signal?.throwIfAborted();
    onProgress?.(outcome.length, requests.size, key);
    const { operation, geometry } = request;
    const preferred = operation.preferred(device, geometry);
    const candidates = operation.variants.filter(
      (v) => v.fits(device, geometry) && isWorthTiming(device, v, preferred),
    );
    const seconds = candidates.length > 1 ? await race(device, request, candidates, samples) : {};
    const variant = winner(seconds, preferred);
    device.choices.set({ [key]: variant });
    outcome.push({ key, variant, preferred, seconds, flops: operation.flops(geometry) });
  }
  onProgress?.(requests.size, requests.size, "");
  return outcome;
}

/** On processor cores workgroup memory is the slowest path by far: such variants only cost compile time there. */
function isWorthTiming(device: Device, variant: Variant<unknown, Operands>, preferred: string): boolean {
  if (variant.name === preferred) return true;
  return !(device.workFor === "cpu" && variant.name.startsWith("workgroup")) && (variant.worthTiming?.(device) ?? true);
}

/** Best seconds per call by variant. All variants take turns, so that whatever else the machine does hits them alike. */
async function race(
  device: Device,
  { operation, geometry }: Request,
  candidates: readonly Variant<unknown, Operands>[],
  samples: number,
): Promise<Record<string, number>> {
  const tensors = operation.scratch(device, geometry);
  try {
    for (const tensor of Object.values(tensors)) if (tensor) fill(device, tensor, 1 / 64);
    const best = new Map<Variant<unknown, Operands>, number>();
    for (const variant of candidates) {
      await timed(device, () => variant.run(device, geometry, tensors), 1);
      best.set(variant, await timed(device, () => variant.run(device, geometry, tensors), 1));
    }
    const limit = hopeless * Math.min(...best.values());
    for (const [variant, seconds] of best) if (seconds > limit) best.delete(variant);
    const calls = Math.max(1, Math.ceil(roundSeconds / Math.min(...best.values())));
    if (best.size > 1) for (const variant of best.keys()) best.set(variant, Number.POSITIVE_INFINITY);
    for (let round = 0; best.size > 1 && round < samples; round++) {
      for (const [variant, before] of best) {
        const seconds = await timed(device, () => variant.run(device, geometry, tensors), calls);
        best.set(variant, Math.min(before, seconds));
      }
    }
    return Object.fromEntries([...best].map(([variant, seconds]) => [variant.name, seconds]));
  } finally {
    for (const tensor of Object.values(tensors)) if (tensor) device.release(tensor);
  }
}

async function timed(device: Device, run: () => void, calls: number): Promise<number> {
  const begin = performance.now();
  for (let i = 0; i < calls; i++) run();
  await device.sync();
  return (performance.now() - begin) / 1000 / calls;
}

function winner(seconds: Readonly<Record<string, number>>, preferred: string): string {
  const [name, best] = Object.entries(seconds).sort(([, a], [, b]) => a - b)[0] ?? [preferred, 0];
  const own = seconds[preferred];
  return own !== undefined && best > own * noise ? preferred : name;
}
