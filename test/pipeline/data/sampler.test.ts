import { describe, expect, it } from "vitest";
import { Rng } from "../../../engine/rng.js";
import {
  balanceByPseudoLabels,
  countClasses,
  drawBalanced,
  drawClassBalanced,
  drawWeighted,
  permutation,
} from "../../../pipeline/data/sampler.js";

/** Labels with the given number of each class, mixed. */
function labelsOf(counts: readonly number[]): number[] {
  return new Rng(5, "test/labels").shuffle(counts.flatMap((count, label) => new Array<number>(count).fill(label)));
}

/** Pearson's statistic of observed counts against probabilities. */
function chiSquare(observed: readonly number[], probabilities: readonly number[]): number {
  const total = observed.reduce((a, b) => a + b);
  return observed.reduce((sum, n, i) => {
    const expected = total * probabilities[i]!;
    return sum + (expected === 0 ? (n === 0 ? 0 : Number.POSITIVE_INFINITY) : (n - expected) ** 2 / expected);
  }, 0);
}

describe("drawWeighted", () => {
  it("draws in proportion to the weights, never a weight of 0", () => {
    const weights = [0, 1, 2, 0, 3, 4, 0];
    const draws = drawWeighted(weights, 20000, new Rng(1, "draws"));
    const observed = countClasses(draws, weights.length);
    expect(
      chiSquare(
        observed,
        weights.map((weight) => weight / 10),
      ),
    ).toBeLessThan(17.7); // 3 degrees of freedom, 99.95 %
    expect([observed[0], observed[3], observed[6]]).toEqual([0, 0, 0]);
  });

  it("reaches every one of many tiny weights", () => {
    const draws = drawWeighted(new Float64Array(3000).fill(1e-9), 60000, new Rng(2, "draws"));
    const chi2 = chiSquare(countClasses(draws, 3000), new Array(3000).fill(1 / 3000));
    expect(Math.abs(chi2 - 2999)).toBeLessThan(4 * Math.sqrt(2 * 2999));
  });

  it("continues exactly from the generator's offset", () => {
    const weights = [3, 1, 0.5];
    const whole = [...drawWeighted(weights, 50, new Rng(9, "resume"))];
    const rng = new Rng(9, "resume");
    const first = drawWeighted(weights, 20, rng);
    const rest = drawWeighted(weights, 30, new Rng(9, "resume", rng.state().offset));
    expect([...first, ...rest]).toEqual(whole);
    expect(rng.state().offset).toBe(40);
  });

  it("refuses weights that are no weights", () => {
    const rng = new Rng(1, "x");
    expect(() => drawWeighted([1, -1], 1, rng)).toThrow(/weight 1 is -1/);
    expect(() => drawWeighted([1, Number.NaN], 1, rng)).toThrow(/weight 1 is NaN/);
    expect(() => drawWeighted([0, 0], 1, rng)).toThrow(/all 2 weights are 0/);
    expect(() => drawWeighted([], 1, rng)).toThrow(/all 0 weights are 0/);
  });
});

describe("balancing", () => {
  const pseudo = labelsOf([2000, 40, 0, 700]);

  it("gives each predicted class the same share and reports the class that was never predicted", () => {
    const balance = balanceByPseudoLabels(pseudo, 4);
    expect(balance).toEqual({
      counts: [2000, 40, 0, 700],
      weights: [1 / 2000, 1 / 40, 0, 1 / 700],
      neverPredicted: [2],
    });
    const draws = drawBalanced(pseudo, balance, 9000, new Rng(3, "balanced"));
    const observed = countClasses(
      [...draws].map((i) => pseudo[i]!),
      4,
    );
    expect(observed[2]).toBe(0);
    expect(chiSquare([observed[0]!, observed[1]!, observed[3]!], [1 / 3, 1 / 3, 1 / 3])).toBeLessThan(15.2); // 2 degrees
  });

  it("draws the patches of one class equally often", () => {
    const draws = [...drawBalanced(pseudo, balanceByPseudoLabels(pseudo, 4), 12000, new Rng(4, "balanced"))];
    const members = pseudo.flatMap((label, i) => (label === 1 ? [i] : []));
    const observed = members.map((i) => draws.filter((draw) => draw === i).length);
    expect(chiSquare(observed, new Array(40).fill(1 / 40))).toBeLessThan(76); // 39 degrees of freedom, 99.95 %
  });

  it("limits the share of a class of few patches by minClassCount", () => {
    const balance = balanceByPseudoLabels(pseudo, 4, { minClassCount: 200 });
    expect(balance.weights).toEqual([1 / 2000, 1 / 200, 0, 1 / 700]);
    const draws = drawBalanced(pseudo, balance, 22000, new Rng(3, "clamped"));
    const observed = countClasses(
      [...draws].map((i) => pseudo[i]!),
      4,
    );
    // Shares 1 : 40/200 : 1.
    expect(chiSquare([observed[0]!, observed[1]!, observed[3]!], [1 / 2.2, 0.2 / 2.2, 1 / 2.2])).toBeLessThan(15.2);
  });

  it("balances known labels in the same way", () => {
    const draws = drawClassBalanced(
      pseudo.map((label) => (label === 3 ? 2 : label)),
      3,
      3000,
      new Rng(6, "L"),
    );
    const observed = countClasses(
      [...draws].map((i) => Math.min(2, pseudo[i]!)),
      3,
    );
    expect(chiSquare(observed, [1 / 3, 1 / 3, 1 / 3])).toBeLessThan(15.2);
  });

  it("refuses labels and options out of range", () => {
    expect(() => balanceByPseudoLabels([0, 4], 4)).toThrow(/label 1 is 4; with 4 classes it goes from 0 to 3/);
    expect(() => balanceByPseudoLabels([0], 2, { minClassCount: 0 })).toThrow(/minClassCount is 0/);
    expect(() => drawBalanced([], balanceByPseudoLabels([], 2), 1, new Rng(1, "x"))).toThrow(/nothing can be drawn/);
  });
});

describe("permutation", () => {
  it("holds every index once, each equally often in each place", () => {
    const rng = new Rng(8, "permutation");
    const first = new Array<number>(6).fill(0);
    for (let i = 0; i < 6000; i++) {
      const order = permutation(6, rng);
      expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5]);
      first[order[0]!]!++;
    }
    expect(chiSquare(first, new Array(6).fill(1 / 6))).toBeLessThan(22.2); // 5 degrees of freedom, 99.95 %
  });
});
