import { describe, expect, it } from "vitest";
import { shareDistance } from "../../../pipeline/report/bars.js";
import type { EpochLine } from "../../../pipeline/report/metricsFile.js";
import { samplingRates } from "../../../pipeline/report/sampling.js";

function epoch(pseudoCounts: number[] | null, samplingWeights: number[] | null): EpochLine {
  return {
    epoch: 1,
    seconds: null,
    loss: null,
    teacherLoss: null,
    balancedAccuracy: null,
    interval: null,
    validationLoss: null,
    pseudoCounts,
    pseudoTrueCounts: null,
    samplingWeights,
    neverPredicted: [],
    pseudoQuality: null,
  };
}

describe("samplingRates: expected draws of one patch in an epoch of as many draws as patches", () => {
  it("weights 1/count draw every predicted class equally often: patches / (classes x count)", () => {
    const counts = [10, 20, 0, 70];
    const rates = samplingRates(epoch(counts, [1 / 10, 1 / 20, 0, 1 / 70]))!;
    expect(rates[2]).toBeNull();
    for (const c of [0, 1, 3]) expect(rates[c]! * counts[c]!).toBeCloseTo(100 / 3, 10);
  });

  it("does not depend on the scale of the weights, and equal weights mean once per patch", () => {
    expect(samplingRates(epoch([4, 6], [50, 50]))).toEqual([1, 1]);
    expect(samplingRates(epoch([4, 6], [0.375, 0.25]))).toEqual(samplingRates(epoch([4, 6], [3, 2])));
  });

  it("is unknown where it was not recorded", () => {
    expect(samplingRates(epoch(null, [1]))).toBeNull();
    expect(samplingRates(epoch([1], null))).toBeNull();
  });
});

describe("shareDistance", () => {
  it("is the least share of labels that must be wrong", () => {
    expect(shareDistance(epoch([40, 60], null), [50, 50])).toContain("at least 10.0\u00a0% of the 100 pseudo-labels");
  });

  it("says nothing where pseudo-labels and truth are of different images", () => {
    expect(shareDistance(epoch([40, 61], null), [50, 50])).toBe("");
    expect(shareDistance(epoch([40, 60], null), null)).toBe("");
  });
});
