import { setPriority } from "node:os";

/**
 * What a process does so that an adapter that computes on the CPU keeps the cores to itself. Node only; a real GPU needs none
 * of it.
 */

/** A low scheduling priority, yet not the lowest: beside other busy programs the thread must still come to its turn. */
export const lowPriority = 10;

/** Lowers the priority of the calling thread; on Linux alone, where priorities belong to threads. */
export function lowerThreadPriority(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(0, lowPriority);
  } catch {
    // Not permitted: slower, but right.
  }
}

/** The poll goes on at full speed for this long, since most waits end by then, ms. */
const spinMs = 0.15;
/** Later it sleeps for this share of the time waited so far, within limits: the end is seen at most that much later. */
const restShare = 0.05;
const leastRestMs = 0.05;
const mostRestMs = 1;

/**
 * While a promise of Dawn's is pending, Dawn polls with `setImmediate` and so takes a core. This puts a sleep into every
 * turn of that loop.
 * @returns to be called at the begin of a wait; what it returns is called at the end
 */
export function restInWaits(): () => () => void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  let [waits, running, begun] = [0, false, 0];
  const turn = () => {
    running = waits > 0;
    if (!running) return;
    const waited = performance.now() - begun;
    if (waited > spinMs) Atomics.wait(never, 0, 0, Math.min(mostRestMs, Math.max(leastRestMs, restShare * waited)));
    setImmediate(turn);
  };
  return () => {
    waits++;
    begun = performance.now();
    if (!running) setImmediate(turn);
    running = true;
    return () => {
      waits--;
    };
  };
}
