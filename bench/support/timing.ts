import type { Device } from "../../engine/index.js";

export interface Timing {
  /** Seconds per call. */
  readonly best: number;
  readonly median: number;
  readonly times: readonly number[];
}

/**
 * Times a function that records GPU work: each sample runs it `calls` times and waits once, so that the wait is shared.
 * @param samples at least 5 for a published figure; two more run first as a warm-up.
 */
export async function timeOp(device: Device, op: () => void, samples = 7, calls = 1): Promise<Timing> {
  const times: number[] = [];
  for (let i = -2; i < samples; i++) {
    const begin = performance.now();
    for (let c = 0; c < calls; c++) op();
    await device.sync();
    if (i >= 0) times.push((performance.now() - begin) / 1000 / calls);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { best: sorted[0] as number, median: sorted[Math.floor(sorted.length / 2)] as number, times };
}
