/**
 * Tests between independent groups of wells, two-sided. A test that cannot say anything gives a reason instead of a p-value; it
 * never gives a NaN. Needs no Node.
 */
import jstat from "jstat";
import { mean, standardDeviation, type TestOutcome } from "../statistics/tests.js";

/** A difference of two means with its 95 % interval (Welch); null where a group has fewer than 2 values. */
export interface Difference {
  readonly estimate: number;
  readonly interval: readonly [low: number, high: number] | null;
}

/** Values up to which the null distribution of the rank-sum test is counted out; beyond, the normal approximation. */
const exactUpTo = 50;
/** Differences below this share of the values are rounding. */
const roundOff = 1e-12;

/**
 * Welch's t-test, which does not suppose equal variances. Equals SciPy's `ttest_ind(a, b, equal_var=False)`.
 */
export function welchTest(a: readonly number[], b: readonly number[]): TestOutcome {
  const few = tooFew([a, b]);
  if (few) return few;
  const { error, degreesOfFreedom } = welch(a, b);
  const size = Math.max(...a.map(Math.abs), ...b.map(Math.abs));
  if (!(error > roundOff * size)) return { p: null, reason: "the values of each condition are all equal" };
  const statistic = (mean(a) - mean(b)) / error;
  const x = degreesOfFreedom / (degreesOfFreedom + statistic ** 2);
  const p = Math.min(1, x === 1 ? 1 : jstat.ibeta(x, degreesOfFreedom / 2, 0.5));
  return { statistic, p, n: a.length + b.length, degreesOfFreedom };
}

/** a - b. Equals the interval of SciPy's `ttest_ind(...).confidence_interval()`. */
export function differenceOf(a: readonly number[], b: readonly number[]): Difference {
  const estimate = mean(a) - mean(b);
  if (tooFew([a, b])) return { estimate, interval: null };
  const { error, degreesOfFreedom } = welch(a, b);
  if (error === 0) return { estimate, interval: [estimate, estimate] };
  const half = jstat.studentt.inv(0.975, degreesOfFreedom) * error;
  return { estimate, interval: [estimate - half, estimate + half] };
}

/**
 * Wilcoxon's rank-sum test (Mann-Whitney). Equal values share their mean rank. Up to 50 values the p-value is exact given these
 * ranks, ties included (all divisions into the two groups are counted); beyond, the normal approximation with the corrections for
 * ties and continuity (SciPy's `mannwhitneyu(method="asymptotic")`). The statistic is U of the first group.
 */
export function rankSumTest(a: readonly number[], b: readonly number[]): TestOutcome {
  const few = tooFew([a, b]);
  if (few) return few;
  const all = [...a, ...b];
  const doubled = doubledRanks(all);
  if (new Set(doubled).size === 1) return { p: null, reason: "all values are equal" };
  const sum = doubled.slice(0, a.length).reduce((total, rank) => total + rank, 0);
  const statistic = (sum - a.length * (a.length + 1)) / 2;
  const p =
    all.length <= exactUpTo ? exactSum(doubled, a.length, sum) : approximateSum(doubled, a.length, b.length, statistic);
  return { statistic, p, n: all.length, degreesOfFreedom: null };
}

/** The least p-value that the rank-sum test of groups of these sizes can give (without ties): 2 of all divisions. */
export function leastRankSumP(n: number, m: number): number {
  let divisions = 1;
  for (let i = 1; i <= Math.min(n, m); i++) divisions = (divisions * (n + m - Math.min(n, m) + i)) / i;
  return Math.min(1, 2 / divisions);
}

/** Kruskal and Wallis' test of several groups, by the chi-square distribution, corrected for ties. Equals SciPy's `kruskal`. */
export function kruskalTest(groups: readonly (readonly number[])[]): TestOutcome {
  const few = tooFew(groups);
  if (few) return few;
  const all = groups.flat();
  const n = all.length;
  const ranks = doubledRanks(all).map((rank) => rank / 2);
  const ties = tieSum(ranks);
  const correction = 1 - ties / (n ** 3 - n);
  if (!(correction > 0)) return { p: null, reason: "all values are equal" };
  let start = 0;
  const sums = groups.map((group) => {
    const own = ranks.slice(start, start + group.length).reduce((total, rank) => total + rank, 0);
    start += group.length;
    return own ** 2 / group.length;
  });
  const raw = (12 / (n * (n + 1))) * sums.reduce((total, sum) => total + sum, 0) - 3 * (n + 1);
  const statistic = raw / correction;
  const degreesOfFreedom = groups.length - 1;
  return { statistic, p: Math.max(0, 1 - jstat.lowRegGamma(degreesOfFreedom / 2, statistic / 2)), n, degreesOfFreedom };
}

function tooFew(groups: readonly (readonly number[])[]): { p: null; reason: string } | null {
  if (groups.every((group) => group.length >= 2)) return null;
  const sizes = groups.map((group) => group.length).join(" and ");
  return { p: null, reason: `too few wells: ${sizes}; each condition needs at least 2, for wells are the replicates` };
}

function welch(a: readonly number[], b: readonly number[]): { error: number; degreesOfFreedom: number } {
  const [va, vb] = [(standardDeviation(a) ?? 0) ** 2 / a.length, (standardDeviation(b) ?? 0) ** 2 / b.length];
  const error = Math.sqrt(va + vb);
  return { error, degreesOfFreedom: (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1)) };
}

/** Twice the mean ranks, so that they are whole numbers. */
function doubledRanks(values: readonly number[]): number[] {
  const tolerance = roundOff * Math.max(...values.map(Math.abs));
  const order = [...values.keys()].sort((i, j) => values[i]! - values[j]!);
  const ranks = values.map(() => 0);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]!]! - values[order[end - 1]!]! <= tolerance) end++;
    for (let k = start; k < end; k++) ranks[order[k]!] = start + 1 + end;
    start = end;
  }
  return ranks;
}

/** Share of all choices of n ranks whose sum is as extreme as `sum`, on both sides. */
function exactSum(ranks: readonly number[], n: number, sum: number): number {
  const total = ranks.reduce((a, b) => a + b, 0);
  // ways[k][s]: choices of k ranks that add up to s. Up to 50 values all counts are below 2^53.
  const ways = Array.from({ length: n + 1 }, () => new Float64Array(total + 1));
  ways[0]![0] = 1;
  for (const rank of ranks)
    for (let k = n; k >= 1; k--) {
      const [to, before] = [ways[k]!, ways[k - 1]!];
      for (let s = total; s >= rank; s--) to[s]! += before[s - rank]!;
    }
  const counts = ways[n]!;
  const all = counts.reduce((a, b) => a + b, 0);
  const below = counts.subarray(0, sum + 1).reduce((a, b) => a + b, 0);
  const above = counts.subarray(sum).reduce((a, b) => a + b, 0);
  return Math.min(1, (2 * Math.min(below, above)) / all);
}

function approximateSum(ranks: readonly number[], n: number, m: number, statistic: number): number {
  const all = n + m;
  const ties = tieSum(ranks);
  const sd = Math.sqrt(((n * m) / 12) * (all + 1 - ties / (all * (all - 1))));
  const distance = Math.max(statistic, n * m - statistic) - (n * m) / 2 - 0.5;
  return Math.min(1, 2 * (1 - jstat.normal.cdf(distance / sd, 0, 1)));
}

/** Sum of t^3 - t over groups of t equal ranks. */
function tieSum(ranks: readonly number[]): number {
  const sizes = new Map<number, number>();
  for (const rank of ranks) sizes.set(rank, (sizes.get(rank) ?? 0) + 1);
  return [...sizes.values()].reduce((sum, t) => sum + t ** 3 - t, 0);
}
