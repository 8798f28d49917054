import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { gapShare } from "../../../pipeline/statistics/gap.js";

interface Case {
  name: string;
  value: number[];
  lower: number[];
  upper: number[];
  share: number;
  interval: [number, number] | null;
  pAgainstLower: number;
}
const { cases } = JSON.parse(readFileSync(new URL("../../fixtures/gap.json", import.meta.url), "utf8")) as {
  cases: Case[];
};
const triples = ({ value, lower, upper }: Case) =>
  value.map((v, i) => ({ value: v, lower: lower[i]!, upper: upper[i]! }));

describe.each(cases)("against SciPy: $name", (one) => {
  const { share, interval, reason, n } = gapShare(triples(one));
  it("share and interval", () => {
    expect(share).toBeCloseTo(one.share, 12);
    expect(n).toBe(one.value.length);
    expect(interval === null).toBe(one.interval === null);
    expect(reason === null).toBe(one.interval !== null);
    for (const [i, end] of (interval ?? []).entries()) expect(end).toBeCloseTo(one.interval![i]!, 5);
  });
  it("leaves 0 out exactly when the paired t-test against the lower end rejects", () => {
    if (!interval) return;
    expect(interval[0] > 0 || interval[1] < 0).toBe(one.pAgainstLower < 0.05);
  });
});

describe("share of a gap", () => {
  it("does not change with the unit, and is 0 and 1 at the ends", () => {
    const one = triples(cases[0]!);
    const scaled = gapShare(
      one.map(({ value, lower, upper }) => ({
        value: 100 * value + 3,
        lower: 100 * lower + 3,
        upper: 100 * upper + 3,
      })),
    );
    expect(scaled.share).toBeCloseTo(gapShare(one).share!, 10);
    expect(scaled.interval![1]).toBeCloseTo(gapShare(one).interval![1], 8);
    expect(gapShare(one.map((t) => ({ ...t, value: t.lower })))).toMatchObject({ share: 0, interval: [0, 0] });
    expect(gapShare(one.map((t) => ({ ...t, value: t.upper }))).share).toBe(1);
  });

  it("says why there is no interval", () => {
    const triple = { value: 0.7, lower: 0.6, upper: 0.8 };
    expect(gapShare([])).toEqual({
      share: null,
      interval: null,
      n: 0,
      reason: "no fold and seed has runs of all three configurations",
    });
    expect(gapShare([triple])).toMatchObject({ interval: null, n: 1, reason: "1 pair is too few for an interval" });
    expect(gapShare([triple]).share).toBeCloseTo(0.5);
    expect(gapShare([triple, { value: 0.7, lower: 0.8, upper: 0.6 }])).toMatchObject({
      share: null,
      reason: "the two ends have the same mean",
    });
  });
});
