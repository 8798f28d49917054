import { describe, expect, it } from "vitest";
import { Series } from "../../../pipeline/report/series.js";
import { uniform } from "../../support/fakeRun.js";

function filled(values: readonly (number | null)[]): Series {
  const series = new Series();
  values.forEach((y, x) => {
    series.add(x, y);
  });
  return series;
}

describe("Series", () => {
  it.each([1, 7, 320, 321, 640, 641, 5000, 100_003])(
    "keeps %i points in at most 320 buckets without losing any",
    (n) => {
      const next = uniform(n);
      const values = Array.from({ length: n }, () => next() - 0.4);
      const { buckets } = filled(values);
      expect(buckets.length).toBeLessThanOrEqual(320);
      expect(buckets.length).toBeGreaterThanOrEqual(Math.min(n, 160));
      expect(buckets.reduce((sum, b) => sum + b.n, 0)).toBe(n);
      const sum = values.reduce((a, b) => a + b);
      expect(buckets.reduce((total, b) => total + b.mean * b.n, 0)).toBeCloseTo(sum, 6);
      expect(Math.min(...buckets.map((b) => b.low))).toBe(values.reduce((a, b) => Math.min(a, b)));
      expect(Math.max(...buckets.map((b) => b.high))).toBe(values.reduce((a, b) => Math.max(a, b)));
      for (let i = 1; i < buckets.length; i++) expect(buckets[i]!.x).toBeGreaterThan(buckets[i - 1]!.x);
    },
  );

  it("buckets hold neighbours: mean position and mean value of a straight line agree", () => {
    for (const { x, mean } of filled(Array.from({ length: 2000 }, (_, i) => 3 * i)).buckets)
      expect(mean).toBeCloseTo(3 * x, 8);
  });

  it("counts what is not a finite number and leaves it out", () => {
    const series = filled([1, null, Number.NaN, Number.POSITIVE_INFINITY, 3]);
    expect(series.unusable).toBe(3);
    expect(series.buckets.map(({ x, mean }) => [x, mean])).toEqual([
      [0, 1],
      [4, 3],
    ]);
    expect(filled([null]).empty).toBe(true);
  });

  it("smooths: a constant stays, noise shrinks, few points stay as they are", () => {
    expect(
      filled(new Array(1000).fill(2))
        .smoothed()
        .every(({ y }) => Math.abs(y - 2) < 1e-12),
    ).toBe(true); // constant
    const next = uniform(3);
    const noisy = filled(Array.from({ length: 320 }, () => next()));
    const deviation = (ys: number[]) => Math.sqrt(ys.reduce((sum, y) => sum + (y - 0.5) ** 2, 0) / ys.length);
    expect(deviation(noisy.smoothed().map(({ y }) => y))).toBeLessThan(
      0.4 * deviation(noisy.buckets.map((b) => b.mean)),
    );
    expect(
      filled([5, 1, 9])
        .smoothed()
        .map(({ y }) => y),
    ).toEqual([5, 1, 9]); // fewer than 20
  });
});
