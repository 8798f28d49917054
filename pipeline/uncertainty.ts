/**
 * How far a result on n test samples may be from the truth: 95 % intervals for proportions and balanced accuracies. Pure and
 * browser-safe. All of them suppose independent samples; images of one well or time series are less than that.
 */
import { balancedAccuracyOf } from "./metrics.js";

/** A closed interval, both ends in 0..1 (or -1..1 for a difference). */
export type Interval = [low: number, high: number];

/** Probability left outside each end of a 95 % interval. */
const TAIL = 0.025;
/**
 * Exact 95 % limits of a proportion of independent samples; [0, 1] when n is 0. Source: Clopper & Pearson, Biometrika 26
 * (1934), 404-413 (`scipy.stats.binomtest(k, n).proportion_ci(method="exact")`).
 */
export function proportionInterval(successes: number, n: number): Interval {
  return [lowerLimit(successes, n), 1 - lowerLimit(n - successes, n)];
}

/**
 * 95 % interval of the balanced accuracy of a confusion matrix (rows = truth), for independent samples: the exact limits of
 * the recalls, combined by the method of variance estimates recovery (Zou & Donner, Stat. Med. 27 (2008), 1693-1702). Wilson
 * limits would be narrower, but hold the truth too rarely when a class has a handful of samples. Null when no class has a
 * sample.
 */
export function balancedAccuracyInterval(confusion: readonly (readonly number[])[]): Interval | null {
  const parts = recallLimits(confusion);
  if (parts.length === 0) return null;
  const estimate = sum(parts.map((p) => p.recall)) / parts.length;
  const below = Math.hypot(...parts.map((p) => p.recall - p.low)) / parts.length;
  const above = Math.hypot(...parts.map((p) => p.high - p.recall)) / parts.length;
  return [Math.max(0, estimate - below), Math.min(1, estimate + above)];
}

/**
 * 95 % interval of the difference (b - a) of two balanced accuracies, as if measured on separate samples. On the same samples
 * the two are usually right or wrong together, and the interval is then wider than needed: a cautious one.
 */
export function differenceInterval(
  a: readonly (readonly number[])[],
  b: readonly (readonly number[])[],
): Interval | null {
  const [of, to] = [balancedAccuracyInterval(a), balancedAccuracyInterval(b)];
  if (!of || !to) return null;
  const [pa, pb] = [balancedAccuracyOf(a)!, balancedAccuracyOf(b)!];
  const below = Math.hypot(pb - to[0], of[1] - pa);
  const above = Math.hypot(to[1] - pb, pa - of[0]);
  return [pb - pa - below, pb - pa + above];
}

function recallLimits(confusion: readonly (readonly number[])[]): { recall: number; low: number; high: number }[] {
  return confusion.flatMap((row, c) => {
    const support = sum(row);
    if (support === 0) return [];
    const [low, high] = proportionInterval(row[c] ?? 0, support);
    return [{ recall: (row[c] ?? 0) / support, low, high }];
  });
}

/** The p at which `successes` or more of n are seen with probability TAIL, by bisection to float64 precision. */
function lowerLimit(successes: number, n: number): number {
  if (successes <= 0) return 0;
  let [low, high] = [0, 1];
  while (true) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (upperTail(successes, n, middle) < TAIL) low = middle;
    else high = middle;
  }
}

/** P(X >= k) of a binomial(n, p), 1 <= k <= n: summed from k away from the mean, where the terms only shrink. */
function upperTail(k: number, n: number, p: number): number {
  const upward = k > n * p;
  let j = upward ? k : k - 1;
  let logTerm = j * Math.log(p) + (n - j) * Math.log1p(-p);
  for (let i = 1; i <= Math.min(j, n - j); i++) logTerm += Math.log((n - i + 1) / i);
  const odds = p / (1 - p);
  let term = Math.exp(logTerm);
  let total = term;
  while (term > total * 1e-17 && (upward ? j < n : j > 0)) {
    term *= upward ? ((n - j) / (j + 1)) * odds : j / (n - j + 1) / odds;
    j += upward ? 1 : -1;
    total += term;
  }
  return upward ? total : 1 - total;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, v) => total + v, 0);
}
