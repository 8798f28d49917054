/**
 * What share of the way from a lower to an upper configuration another one goes: (mean(c) - mean(lower)) / (mean(upper) -
 * mean(lower)), paired over fold and seed, with a 95 % interval by Fieller's theorem. Pure.
 *
 * Why Fieller and not a bootstrap: with a handful of seeds a bootstrap of pairs covers too rarely (at n = 6 it can hardly leave
 * the range of six numbers), while Fieller's set is exact for normal differences, agrees with the paired t-test (0 lies
 * outside exactly when the test of c against lower rejects), and says so when the denominator is too uncertain for any bound.
 * Source: Fieller, "Some problems in interval estimation", J. R. Stat. Soc. B 16 (1954), 175-185.
 */
import jstat from "jstat";
import { mean } from "./tests.js";

/** The values of the three configurations in one fold and seed. */
export interface Triple {
  value: number;
  lower: number;
  upper: number;
}

/** Outcome; `interval` is null with the reason why. Shares may lie below 0 or above 1. */
export interface GapShare {
  /** Null when upper and lower have the same mean, or without a triple. */
  share: number | null;
  interval: [low: number, high: number] | null;
  reason: string | null;
  /** Triples of the same fold and seed. */
  n: number;
}

/** Differences below this share of the values are rounding. */
const roundOff = 1e-12;

/**
 * The share of the gap that is closed.
 * @param level share of such intervals that hold the true quotient
 */
export function gapShare(triples: readonly Triple[], level = 0.95): GapShare {
  const n = triples.length;
  const none = (reason: string, share: number | null = null): GapShare => ({ share, interval: null, reason, n });
  if (n === 0) return none("no fold and seed has runs of all three configurations");
  const x = triples.map(({ value, lower }) => value - lower);
  const y = triples.map(({ upper, lower }) => upper - lower);
  const [gain, gap] = [mean(x), mean(y)];
  const size = Math.max(...triples.flatMap(({ value, lower, upper }) => [value, lower, upper].map(Math.abs)));
  if (Math.abs(gap) <= roundOff * size) return none("the two ends have the same mean");
  const share = gain / gap;
  if (n < 2) return none("1 pair is too few for an interval", share);
  const t = jstat.studentt.inv((1 + level) / 2, n - 1);
  const k = t ** 2 / n;
  // (gain - s gap)^2 <= k (xx - 2 s xy + s^2 yy), a quadratic in s: a s^2 - 2 b s + c <= 0.
  const a = gap ** 2 - k * covariance(y, y);
  const b = gain * gap - k * covariance(x, y);
  const c = gain ** 2 - k * covariance(x, x);
  if (a <= roundOff * gap ** 2)
    return none("the two ends do not differ for sure (95 %), so that the quotient has no bounds", share);
  const root = Math.sqrt(Math.max(0, b ** 2 - a * c));
  return { share, interval: [(b - root) / a, (b + root) / a], reason: null, n };
}

function covariance(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  return a.reduce((total, v, i) => total + (v - meanA) * ((b[i] ?? 0) - meanB), 0) / (a.length - 1);
}
