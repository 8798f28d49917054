/** Shape of a learning-rate schedule, in optimiser steps. */
export interface Schedule {
  /** Step at which the cosine reaches 0. */
  total: number;
  /** Steps of linear warm-up after the wait. */
  warmup?: number;
  /** Steps with a factor of 0 before anything else (`studentWait`). */
  wait?: number;
  /** After `total`, let the cosine rise again as the authors' code does, instead of staying at 0. */
  riseAgain?: boolean;
}

/**
 * Factor of the learning rate at a step (0, 1, ...): 0 during the wait; then step / (warmup + wait), which starts at
 * wait / (warmup + wait), not at 0; then half a cosine from 1 down to 0 at `total`. Warm-up without a wait starts at 0.
 * @throws RangeError when a length is not a non-negative number
 */
export function lrFactor(step: number, { total, warmup = 0, wait = 0, riseAgain = false }: Schedule): number {
  for (const [name, value] of Object.entries({ step, total, warmup, wait })) {
    if (!(value >= 0)) throw new RangeError(`lrFactor: ${name} is ${value}; give a number of steps from 0`);
  }
  const start = warmup + wait;
  if (step < wait) return 0;
  if (step < start) return step / start;
  if (step > total && !riseAgain) return 0;
  const progress = (step - start) / Math.max(1, total - start);
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
}
