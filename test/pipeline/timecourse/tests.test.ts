import { describe, expect, test } from "vitest";
import {
  differenceOf,
  kruskalTest,
  leastRankSumP,
  rankSumTest,
  welchTest,
} from "../../../pipeline/timecourse/tests.js";
import { fixture } from "./support.js";

describe("tests between groups of wells are SciPy's", () => {
  test.each(fixture.pairs.map((pair, i) => [i, pair] as const))("pair %i", (_, { a, b, welch, rankSum }) => {
    const t = welchTest(a, b);
    // jstat's incomplete beta function has 8 digits.
    expect(t.p! / welch.p).toBeCloseTo(1, 6);
    expect(t).toMatchObject({ n: a.length + b.length });
    if (t.p !== null) {
      expect(t.statistic).toBeCloseTo(welch.statistic, 9);
      expect(t.degreesOfFreedom).toBeCloseTo(welch.df, 9);
    }
    const { estimate, interval } = differenceOf(a, b);
    expect(interval![0]).toBeCloseTo(welch.low, 7);
    expect(interval![1]).toBeCloseTo(welch.high, 7);
    expect(estimate).toBeCloseTo((welch.low + welch.high) / 2, 8);
    const u = rankSumTest(a, b);
    expect(u).toMatchObject({ statistic: rankSum.statistic, degreesOfFreedom: null });
    expect(u.p! / rankSum.p).toBeCloseTo(1, 6);
    // Two-sided: the order of the groups does not matter.
    expect(rankSumTest(b, a).p).toBeCloseTo(u.p!, 12);
  });

  test("the pairs hold every way of the rank-sum test", () => {
    expect(new Set(fixture.pairs.map(({ rankSum }) => rankSum.how))).toEqual(
      new Set(["exact", "all divisions", "asymptotic"]),
    );
  });

  test.each(fixture.groups)("several groups: $p", ({ groups, statistic, p }) => {
    const outcome = kruskalTest(groups);
    expect(outcome.p).toBeCloseTo(p, 10);
    if (outcome.p !== null) expect(outcome.statistic).toBeCloseTo(statistic, 9);
  });
});

describe("where no test is possible there is a reason", () => {
  const every = [welchTest, rankSumTest, (a: number[], b: number[]) => kruskalTest([a, b])];

  test.each([
    [[0.1], [0.2, 0.3], /too few wells: 1 and 2; each condition needs at least 2, for wells are the replicates/],
    [[], [0.2, 0.3], /too few wells: 0 and 2/],
    [[0.2, 0.2], [0.2, 0.2], /all equal|are equal/],
  ])("%j and %j", (a, b, reason) => {
    for (const run of every) {
      const outcome = run(a, b);
      expect(outcome.p).toBeNull();
      expect(outcome.reason).toMatch(reason);
    }
  });

  test("and no interval from one well", () => {
    expect(differenceOf([0.5], [0.25, 0.25])).toEqual({ estimate: 0.25, interval: null });
    expect(differenceOf([0.5, 0.5], [0.25, 0.25])).toEqual({ estimate: 0.25, interval: [0.25, 0.25] });
  });

  test("the least p of the rank-sum test is that of complete separation", () => {
    for (const [n, m] of [
      [2, 2],
      [3, 3],
      [3, 5],
      [4, 4],
      [6, 6],
    ] as const) {
      const a = Array.from({ length: n }, (_, i) => i);
      const b = Array.from({ length: m }, (_, i) => 100 + i);
      expect(leastRankSumP(n, m)).toBeCloseTo(rankSumTest(a, b).p!, 12);
    }
    expect(leastRankSumP(3, 3)).toBeCloseTo(0.1, 12);
    expect(leastRankSumP(4, 4)).toBeLessThan(0.05);
  });
});
