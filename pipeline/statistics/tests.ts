/**
 * Tests between two configurations, two-sided, and Holm's correction for several of them. Pure. A test that cannot say
 * anything gives a reason instead of a p-value; it never gives a NaN.
 */
import jstat from "jstat";

/** A test that was possible, with its p-value before correction. */
export interface Tested {
  statistic: number;
  p: number;
  /** Values, or pairs, that entered. */
  n: number;
  degreesOfFreedom: number | null;
  reason?: undefined;
}

/** A test that was not. */
export interface NotTested {
  p: null;
  reason: string;
}

export type TestOutcome = Tested | NotTested;

/** Pairs up to which the null distribution of the signed-rank test is counted out; beyond, the normal approximation. */
const exactUpTo = 50;

/**
 * Student's t-test for two independent groups of equal variance: the test of the article. Equals SciPy's `ttest_ind`.
 * @param a values of one group, @param b of the other
 */
export function unpairedTTest(a: readonly number[], b: readonly number[]): TestOutcome {
  if (a.length < 2 || b.length < 2)
    return notTested(`too few runs: ${a.length} and ${b.length}, at least 2 of each are needed`);
  const degreesOfFreedom = a.length + b.length - 2;
  const [meanA, meanB] = [mean(a), mean(b)];
  const variance = (squares(a, meanA) + squares(b, meanB)) / degreesOfFreedom;
  const error = Math.sqrt(variance * (1 / a.length + 1 / b.length));
  if (!varies(error, [meanA, meanB])) return notTested("the values of each group are all equal");
  return student((meanA - meanB) / error, degreesOfFreedom, a.length + b.length);
}

/**
 * Student's t-test on the differences of pairs. Equals SciPy's `ttest_rel`.
 * @param pairs [value of one, value of the other] for each fold and seed
 */
export function pairedTTest(pairs: readonly (readonly [number, number])[]): TestOutcome {
  if (pairs.length < 2) return notTested(tooFewPairs(pairs.length));
  const differences = pairs.map(([a, b]) => a - b);
  const centre = mean(differences);
  const error = Math.sqrt(squares(differences, centre) / (pairs.length - 1) / pairs.length);
  if (!varies(error, pairs.flat())) return notTested("the differences are all equal");
  return student(centre / error, pairs.length - 1, pairs.length);
}

/**
 * Wilcoxon's signed-rank test. Pairs without a difference are left out and equal differences share their mean rank
 * (SciPy's `zero_method="wilcox"`). Up to 50 pairs the p-value is exact given these ranks, ties included (all 2^n signs
 * are counted by dynamic programming); beyond, it is the normal approximation with the correction for ties.
 *
 * The statistic is the smaller of the two rank sums.
 */
export function wilcoxonTest(pairs: readonly (readonly [number, number])[]): TestOutcome {
  const size = Math.max(...pairs.flat().map(Math.abs), 0);
  const differences = pairs.map(([a, b]) => a - b).filter((d) => Math.abs(d) > roundOff * size);
  const n = differences.length;
  if (pairs.length < 2) return notTested(tooFewPairs(pairs.length));
  if (n === 0) return notTested("no pair has a difference");
  if (n < 2) return notTested("only 1 pair has a difference");
  const doubled = doubledRanks(differences.map(Math.abs), roundOff * size);
  const total = sum(doubled);
  const positive = sum(doubled.filter((_, i) => differences[i]! > 0));
  const smaller = Math.min(positive, total - positive);
  const p = n <= exactUpTo ? exactSigns(doubled, smaller) : approximateSigns(doubled, smaller);
  return { statistic: smaller / 2, p, n, degreesOfFreedom: null };
}

/** Fewest pairs with which the signed-rank test can reach p < 0.05 at all: 2 / 2^n. */
export const leastPairsForWilcoxon = 6;

/**
 * Holm's step-down correction; the family-wise error stays below the level at which the results are read.
 * @param ps p-values; null ones (no test) are not counted and stay null
 */
export function holm(ps: readonly (number | null)[]): (number | null)[] {
  const order = ps.flatMap((p, i) => (p === null ? [] : [{ p, i }])).sort((a, b) => a.p - b.p);
  const corrected: (number | null)[] = ps.map(() => null);
  let largest = 0;
  for (const [rank, { p, i }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, p * (order.length - rank)));
    corrected[i] = largest;
  }
  return corrected;
}

/**
 * Half the width of the interval of confidence of a mean, by Student's t; null for fewer than 2 values.
 * @param level share of such intervals that hold the true mean
 */
export function halfInterval(values: readonly number[], level = 0.95): number | null {
  const sd = standardDeviation(values);
  if (sd === null) return null;
  return (jstat.studentt.inv((1 + level) / 2, values.length - 1) * sd) / Math.sqrt(values.length);
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

/** Of a sample (divided by n - 1); null for fewer than 2 values. */
export function standardDeviation(values: readonly number[]): number | null {
  return values.length < 2 ? null : Math.sqrt(squares(values, mean(values)) / (values.length - 1));
}

/** Differences below this share of the values are rounding. */
const roundOff = 1e-12;

/** Two-sided: P(|T| > |t|) = I_{df/(df+t^2)}(df/2, 1/2), which keeps its digits in the tail. */
function student(statistic: number, degreesOfFreedom: number, n: number): Tested {
  const x = degreesOfFreedom / (degreesOfFreedom + statistic ** 2);
  return { statistic, p: Math.min(1, x === 1 ? 1 : jstat.ibeta(x, degreesOfFreedom / 2, 0.5)), n, degreesOfFreedom };
}

/** Twice the mean ranks, so that they are whole numbers. */
function doubledRanks(sizes: readonly number[], tolerance: number): number[] {
  const order = [...sizes.keys()].sort((a, b) => sizes[a]! - sizes[b]!);
  const ranks = sizes.map(() => 0);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && sizes[order[end]!]! - sizes[order[end - 1]!]! <= tolerance) end++;
    for (let k = start; k < end; k++) ranks[order[k]!] = start + 1 + end;
    start = end;
  }
  return ranks;
}

/** Share of all signs whose sum of positive ranks is as extreme as `smaller`, on both sides. */
function exactSigns(ranks: readonly number[], smaller: number): number {
  const ways = new Float64Array(sum(ranks) + 1);
  ways[0] = 1;
  let reached = 0;
  for (const rank of ranks) {
    reached += rank;
    for (let s = reached; s >= rank; s--) ways[s]! += ways[s - rank]!;
  }
  return Math.min(1, (2 * sum([...ways.subarray(0, smaller + 1)])) / 2 ** ranks.length);
}

function approximateSigns(ranks: readonly number[], smaller: number): number {
  const sd = Math.sqrt(sum(ranks.map((r) => r * r)) / 4);
  return Math.min(1, 2 * jstat.normal.cdf((smaller - sum(ranks) / 2) / sd, 0, 1));
}

function varies(error: number, values: readonly number[]): boolean {
  return error > roundOff * Math.max(...values.map(Math.abs));
}

function squares(values: readonly number[], centre: number): number {
  return sum(values.map((v) => (v - centre) ** 2));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, v) => total + v, 0);
}

function tooFewPairs(pairs: number): string {
  return `too few pairs of the same fold and seed: ${pairs}, at least 2 are needed`;
}

function notTested(reason: string): NotTested {
  return { p: null, reason };
}
