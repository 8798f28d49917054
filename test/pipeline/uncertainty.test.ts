import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { balancedAccuracyOf } from "../../pipeline/metrics.js";
import { balancedAccuracyInterval, differenceInterval, proportionInterval } from "../../pipeline/uncertainty.js";

interface Fixture {
  proportions: { successes: number; n: number; limits: [number, number] }[];
}

const { proportions } = JSON.parse(
  readFileSync(new URL("../fixtures/metrics.json", import.meta.url), "utf8"),
) as Fixture;

describe("intervals", () => {
  /** Deterministic uniform numbers (mulberry32). */
  function uniform(seed: number): () => number {
    let a = seed;
    return () => {
      a = (a + 0x6d2b79f5) | 0;
      let t = Math.imul(a ^ (a >>> 15), 1 | a);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  /** A 2-column "confusion" of right and wrong answers with given recalls: only the diagonal and row sums matter. */
  function draw(recalls: number[], support: number[], next: () => number): number[][] {
    return recalls.map((recall, c) => {
      let right = 0;
      for (let i = 0; i < support[c]!; i++) if (next() < recall) right++;
      const row = recalls.map(() => 0);
      row[c] = right;
      row[(c + 1) % recalls.length] = support[c]! - right;
      return row;
    });
  }

  it.each(proportions)("exact limits of $successes of $n agree with SciPy", ({ successes, n, limits }) => {
    const [low, high] = proportionInterval(successes, n);
    expect(Math.abs(low - limits[0])).toBeLessThan(1e-10);
    expect(Math.abs(high - limits[1])).toBeLessThan(1e-10);
  });

  it.each([
    { recalls: [0.84, 0.83, 0.95, 0.93], support: [36, 39, 7, 105] },
    { recalls: [0.6, 0.3, 0.9], support: [20, 20, 20] },
    { recalls: [0.99, 0.97], support: [15, 300] },
  ])("holds the true balanced accuracy at least 95 times in 100: $recalls", ({ recalls, support }) => {
    const next = uniform(7);
    const target = recalls.reduce((a, b) => a + b) / recalls.length;
    let held = 0;
    const rounds = 3000;
    for (let round = 0; round < rounds; round++) {
      const [low, high] = balancedAccuracyInterval(draw(recalls, support, next))!;
      if (low <= target && target <= high) held++;
    }
    expect(held / rounds).toBeGreaterThan(0.945);
    expect(held / rounds).toBeLessThan(0.99);
  });

  it("an equal pair of networks differs by an interval around 0, not more than five times in a hundred not", () => {
    const next = uniform(11);
    let excludesZero = 0;
    for (let round = 0; round < 2000; round++) {
      const [a, b] = [0, 1].map(() => draw([0.8, 0.7, 0.9, 0.9], [36, 39, 7, 105], next));
      const [low, high] = differenceInterval(a!, b!)!;
      expect(high - low).toBeGreaterThan(0);
      if (low > 0 || high < 0) excludesZero++;
    }
    expect(excludesZero / 2000).toBeLessThan(0.05);
    expect(excludesZero / 2000).toBeGreaterThan(0.005);
  });

  it("brackets the estimate, narrows with n, stays inside 0..1", () => {
    const perfect = [
      [10, 0],
      [0, 10],
    ];
    expect(balancedAccuracyOf(perfect)).toBe(1);
    const [low, high] = balancedAccuracyInterval(perfect)!;
    expect(high).toBe(1);
    expect(low).toBeLessThan(1);
    const [lowOfMore] = balancedAccuracyInterval(perfect.map((row) => row.map((v) => v * 100)))!;
    expect(lowOfMore).toBeGreaterThan(low);
    expect(proportionInterval(0, 0)).toEqual([0, 1]);
    expect(balancedAccuracyInterval([[0]])).toBeNull();
    expect(differenceInterval(perfect, [[0]])).toBeNull();
  });
});
