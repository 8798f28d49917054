import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ShapeError, UserError } from "../../engine/errors.js";
import { chance, entropyBits, evaluate, majority, majorityClass } from "../../pipeline/metrics.js";

interface Case {
  name: string;
  truth: number[];
  probabilities: number[][];
  expected: {
    n: number;
    loss: number;
    accuracy: number;
    balancedAccuracy: number;
    macroF1: number;
    auroc: number;
    confusion: number[][];
    perClass: Record<"support" | "recall" | "precision" | "f1" | "auroc", number | null>[];
    entropyBits: number[];
  };
}

const { cases } = JSON.parse(readFileSync(new URL("../fixtures/metrics.json", import.meta.url), "utf8")) as {
  cases: Case[];
};

/** Equal, or within 1e-12: both sides are float64 and differ by summation order only. */
function expectSame(actual: number | null, expected: number | null, what: string): void {
  if (actual === null || expected === null) expect(actual, what).toBe(expected);
  else expect(Math.abs(actual - expected), `${what}: ${actual} against ${expected}`).toBeLessThan(1e-12);
}

describe.each(cases)("evaluate agrees with SciPy: $name", ({ truth, probabilities, expected }) => {
  const classes = expected.perClass.map((_, c) => `class${c}`);
  const actual = evaluate(classes, truth, probabilities);

  it("counts and averages", () => {
    expect(actual.confusion).toEqual(expected.confusion);
    for (const key of ["n", "loss", "accuracy", "balancedAccuracy", "macroF1", "auroc"] as const)
      expectSame(actual[key], expected[key], key);
  });

  it("figures of each class", () => {
    expect(actual.perClass.map((p) => p.class)).toEqual(classes);
    expected.perClass.forEach((want, c) => {
      for (const key of ["support", "recall", "precision", "f1", "auroc"] as const)
        expectSame(actual.perClass[c]![key], want[key], `${key} of class ${c}`);
    });
  });

  it("entropies in bits", () => {
    for (const [i, row] of probabilities.entries())
      expect(Math.abs(entropyBits(row) - expected.entropyBits[i]!)).toBeLessThan(1e-8);
  });
});

describe("evaluate by hand", () => {
  it("reports 0/0 as null and leaves it out of averages", () => {
    const result = evaluate(
      ["a", "b", "c"],
      [0, 0, 1],
      [
        [1, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
      ],
    );
    expect(result.perClass.map((p) => p.recall)).toEqual([1, 0, null]);
    expect(result.perClass.map((p) => p.precision)).toEqual([2 / 3, null, null]);
    expect(result.perClass.map((p) => p.f1)).toEqual([0.8, 0, null]);
    expect(result.perClass.map((p) => p.auroc)).toEqual([0.5, 0.5, null]);
    expect(result.balancedAccuracy).toBe(0.5);
    expect(result.macroF1).toBe(0.4);
  });

  it("an empty test part has no figures, and does not fail", () => {
    const result = evaluate(["a", "b"], [], []);
    expect(result).toMatchObject({
      n: 0,
      loss: null,
      accuracy: null,
      balancedAccuracy: null,
      macroF1: null,
      auroc: null,
    });
  });

  it("rows of the confusion matrix are the truth", () => {
    const { confusion } = evaluate(
      ["a", "b"],
      [0, 0, 0],
      [
        [0, 1],
        [0, 1],
        [1, 0],
      ],
    );
    expect(confusion).toEqual([
      [1, 2],
      [0, 0],
    ]);
  });

  it("takes the loss of the caller, and a probability of 0 costs 52 ln 2 rather than infinity", () => {
    expect(
      evaluate(
        ["a", "b"],
        [0, 1],
        [
          [1, 0],
          [0, 1],
        ],
        [2, 4],
      ).loss,
    ).toBe(3);
    expect(evaluate(["a", "b"], [0], [[0, 1]]).loss).toBeCloseTo(52 * Math.LN2, 10);
  });

  it("an equal pair of probabilities predicts the first class", () => {
    expect(evaluate(["a", "b"], [1], [[0.5, 0.5]]).confusion).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  it("refuses lengths that disagree, labels outside the classes, and NaN", () => {
    expect(() => evaluate(["a", "b"], [0, 1], [[1, 0]])).toThrow(ShapeError);
    expect(() => evaluate(["a", "b"], [0], [[1]])).toThrow("sample 0 has 1 probabilities, 2 classes expected");
    expect(() => evaluate(["a", "b"], [2], [[1, 0]])).toThrow("label 2 of sample 0");
    expect(() => evaluate(["a", "b"], [0], [[1, 0]], [])).toThrow("1 labels but 0 losses");
    expect(() => evaluate(["a", "b"], [0], [[Number.NaN, 1]])).toThrow(UserError);
  });
});

describe("baselines", () => {
  it("chance is one in as many as there are classes", () => {
    expect(chance(["a", "b", "c", "d"])).toBe(0.25);
  });

  it("majority: the most frequent training label, always", () => {
    expect(majorityClass([2, 1, 1, 2, 0])).toBe(1);
    expect(majority([0, 1, 1], [0, 1, 2, 2])).toBe(1 / 3);
    expect(majority([3, 3, 1], [0, 1])).toBe(0);
    expect(majority([], [0])).toBeNull();
    expect(majority([0], [])).toBeNull();
    const truth = [0, 1, 1, 3];
    const always = evaluate(
      ["a", "b", "c", "d"],
      truth,
      truth.map(() => [0, 1, 0, 0]),
    );
    expect(majority([1], truth)).toBe(always.balancedAccuracy);
  });
});
