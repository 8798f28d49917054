import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  halfInterval,
  holm,
  pairedTTest,
  standardDeviation,
  type TestOutcome,
  unpairedTTest,
  wilcoxonTest,
} from "../../../pipeline/statistics/tests.js";

interface Expected {
  statistic: number;
  p: number;
  df?: number;
  n?: number;
}
interface Case {
  name: string;
  a: number[];
  b: number[];
  unpaired: Expected | null;
  paired: Expected | null;
  wilcoxon: Expected | null;
  half95: number;
}
const fixture = JSON.parse(readFileSync(new URL("../../fixtures/statistics.json", import.meta.url), "utf8")) as {
  cases: Case[];
  unequal: { a: number[]; b: number[]; unpaired: Expected };
  holm: { p: number[]; corrected: number[] }[];
};

const pairs = ({ a, b }: Case) => a.map((value, i) => [value, b[i]!] as const);

/** jstat's continued fraction stops at a relative change of 3e-7. */
function expectLike(outcome: TestOutcome, expected: Expected | null): void {
  if (expected === null) {
    expect(outcome.p).toBeNull();
    expect(outcome.reason).toMatch(/\w+/);
    return;
  }
  if (outcome.p === null) throw new Error(`no test: ${outcome.reason}`);
  expect(Math.abs(outcome.p - expected.p)).toBeLessThanOrEqual(1e-6 * expected.p);
  expect(outcome.statistic).toBeCloseTo(expected.statistic, 9);
  if (expected.df !== undefined) expect(outcome.degreesOfFreedom).toBe(expected.df);
  if (expected.n !== undefined) expect(outcome.n).toBe(expected.n);
}

describe.each(fixture.cases)("against SciPy: $name", (one) => {
  it("unpaired t-test", () => expectLike(unpairedTTest(one.a, one.b), one.unpaired));
  it("paired t-test", () => expectLike(pairedTTest(pairs(one)), one.paired));
  it("Wilcoxon's signed-rank test", () => expectLike(wilcoxonTest(pairs(one)), one.wilcoxon));
  it("interval of confidence", () => expect(halfInterval(one.a)).toBeCloseTo(one.half95, 6));
  it("the order of the two only turns the sign of t", () => {
    const [there, back] = [unpairedTTest(one.a, one.b), unpairedTTest(one.b, one.a)];
    expect(there.p).toBe(back.p);
  });
});

it("groups of different size", () => {
  expectLike(unpairedTTest(fixture.unequal.a, fixture.unequal.b), fixture.unequal.unpaired);
});

it.each(fixture.holm)("Holm's correction of $p", ({ p, corrected }) => {
  expect(holm(p)).toEqual(corrected.map((value) => expect.closeTo(value, 12)));
});

it("Holm's correction does not count tests that were not made", () => {
  expect(holm([0.01, null, 0.02])).toEqual([0.02, null, 0.02]);
  expect(holm([])).toEqual([]);
});

it("says why there is no test", () => {
  expect(unpairedTTest([0.5], [0.6, 0.7])).toEqual({
    p: null,
    reason: "too few runs: 1 and 2, at least 2 of each are needed",
  });
  expect(pairedTTest([[0.5, 0.6]]).reason).toContain("too few pairs of the same fold and seed: 1");
  expect(wilcoxonTest([]).reason).toContain("too few pairs");
  expect(
    wilcoxonTest([
      [0.5, 0.5],
      [0.6, 0.6],
    ]).reason,
  ).toBe("no pair has a difference");
  expect(
    pairedTTest([
      [0.5, 0.4],
      [0.7, 0.6],
      [0.9, 0.8],
    ]).reason,
  ).toBe("the differences are all equal");
  expect(standardDeviation([1])).toBeNull();
  expect(halfInterval([1])).toBeNull();
});
