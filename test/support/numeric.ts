import { expect } from "vitest";

export interface Tolerance {
  /** Absolute part. */
  atol?: number;
  /** Part relative to the expected value. */
  rtol?: number;
}

/** How two arrays differ: the worst element, its index, and how many are outside the tolerance. */
export interface Difference {
  count: number;
  total: number;
  /** Largest |actual - expected|; Infinity when only one of the two is NaN or infinite. */
  maxError: number;
  index: number;
  actual: number;
  expected: number;
}

/** |actual - expected|. NaN equals only NaN, an infinity only itself: anything else is infinitely far from them. */
function distance(actual: number, expected: number): number {
  if (Object.is(actual, expected) || actual === expected) return 0;
  const error = Math.abs(actual - expected);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}

/** Compares elements with the bound `atol + rtol * |expected|`; the worst is the element farthest beyond its bound. */
export function difference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { atol = 0, rtol = 0 }: Tolerance,
): Difference {
  const found: Difference = { count: 0, total: expected.length, maxError: 0, index: -1, actual: 0, expected: 0 };
  let worst = 0;
  for (let k = 0; k < expected.length; k++) {
    const [a, e] = [actual[k]!, expected[k]!];
    const error = distance(a, e);
    found.maxError = Math.max(found.maxError, error);
    const excess = error - (Number.isFinite(e) ? atol + rtol * Math.abs(e) : 0);
    if (excess <= 0) continue;
    found.count++;
    if (excess > worst) [worst, found.index, found.actual, found.expected] = [excess, k, a, e];
  }
  return found;
}

/**
 * Asserts that arrays are equal within `atol + rtol * |expected|`. The failure names the label, the number of elements that are
 * off, the largest error, and index and both values of the element farthest beyond its bound.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  label: string,
): void {
  if (actual.length !== expected.length) {
    expect.fail(`${label}: ${actual.length} values, expected ${expected.length}`);
  }
  const { atol = 0, rtol = 0 } = tolerance;
  const d = difference(actual, expected, tolerance);
  if (d.count > 0) {
    expect.fail(
      `${label}: ${d.count} of ${d.total} values are off (atol ${atol}, rtol ${rtol}); max error ${d.maxError}; ` +
        `at [${d.index}] actual ${d.actual}, expected ${d.expected}`,
    );
  }
}
