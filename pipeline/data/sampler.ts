/**
 * Which images a step gets: permutations, class-balanced draws, and the balancing by pseudo-labels that gives IPB its name. Pure;
 * all randomness comes from the `Rng` given, whose offset is the whole state.
 */
import type { Rng } from "../../engine/rng.js";

/** 0..n-1 in random order. Takes n - 1 words. */
export function permutation(n: number, rng: Rng): Int32Array {
  return rng.shuffle(Int32Array.from({ length: n }, (_, i) => i));
}

/** Uniform in [0, 1) with 53 bits, from two words: 24 bits are too coarse for the running sum of many weights. */
function fineUniform(rng: Rng): number {
  return ((rng.nextU32() >>> 5) * 2 ** 26 + (rng.nextU32() >>> 6)) * 2 ** -53;
}

/** First index whose running sum is above `value`. */
function upperBound(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Multinomial draws with replacement: index i with probability weights[i] / sum (torch.multinomial). An index of weight 0 is
 * never drawn. Takes two words per draw.
 *
 * @throws RangeError for a negative or non-finite weight, and when all are 0
 */
export function drawWeighted(weights: ArrayLike<number>, count: number, rng: Rng): Int32Array {
  const sums = new Float64Array(weights.length);
  let total = 0;
  let last = -1;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`drawWeighted: weight ${i} is ${weight}; weights must be finite and not negative`);
    }
    if (weight > 0) last = i;
    total += weight;
    sums[i] = total;
  }
  if (last < 0) throw new RangeError(`drawWeighted: all ${weights.length} weights are 0, nothing can be drawn`);
  return Int32Array.from({ length: count }, () => Math.min(last, upperBound(sums, fineUniform(rng) * total)));
}

/** Number of entries of each class. @throws RangeError for a label that is no class */
export function countClasses(labels: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new RangeError(`label ${i} is ${label}; with ${classes} classes it goes from 0 to ${classes - 1}`);
    }
    counts[label]!++;
  }
  return counts;
}

/** What the balancing of one epoch rests on; reported per epoch (Figs. 6 and 7). */
export interface Balance {
  /** Patches predicted as each class. */
  counts: number[];
  /** Weight of one patch of each class: 1 / max(count, minClassCount), 0 for a class that was never predicted. */
  weights: number[];
  /** Classes that no patch was predicted as: they cannot be drawn. */
  neverPredicted: number[];
}

/**
 * Weights that make every predicted class equally frequent in expectation (METHOD section 5).
 *
 * @param pseudo predicted class of each patch
 * @param options minClassCount: rarer classes count as this many, so that a few patches do not fill their class's whole share; 1: off
 */
export function balanceByPseudoLabels(
  pseudo: ArrayLike<number>,
  classes: number,
  options: { minClassCount?: number } = {},
): Balance {
  const { minClassCount = 1 } = options;
  if (!(minClassCount >= 1))
    throw new RangeError(`balanceByPseudoLabels: minClassCount is ${minClassCount}; give 1 or more`);
  const counts = countClasses(pseudo, classes);
  return {
    counts,
    weights: counts.map((count) => (count === 0 ? 0 : 1 / Math.max(count, minClassCount))),
    neverPredicted: counts.flatMap((count, label) => (count === 0 ? [label] : [])),
  };
}

/** `count` draws with replacement from the patches, each with its predicted class's weight. Returns indices into `pseudo`. */
export function drawBalanced(pseudo: ArrayLike<number>, { weights }: Balance, count: number, rng: Rng): Int32Array {
  const perPatch = Float64Array.from({ length: pseudo.length }, (_, i) => weights[pseudo[i]!] ?? Number.NaN);
  return drawWeighted(perPatch, count, rng);
}

/** `count` class-balanced draws with replacement by known labels, weights 1 / class count. Returns indices into `labels`. */
export function drawClassBalanced(labels: ArrayLike<number>, classes: number, count: number, rng: Rng): Int32Array {
  return drawBalanced(labels, balanceByPseudoLabels(labels, classes), count, rng);
}
