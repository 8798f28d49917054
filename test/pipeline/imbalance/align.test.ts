import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { alignmentOffsets } from "../../../pipeline/imbalance/align.js";

interface Case {
  probabilities: number[][];
  proportions: number[];
  offsets: number[];
}

const cases: Case[] = JSON.parse(readFileSync("test/fixtures/align.json", "utf8"));

describe("alignmentOffsets", () => {
  test.each(cases)("equals SciPy's root, case %#", ({ probabilities, proportions, offsets }) => {
    const found = alignmentOffsets(probabilities, proportions);
    found.forEach((offset, c) => {
      expect(offset).toBeCloseTo(offsets[c] as number, 6);
    });
  });

  test("certain predictions in the right proportions need no offsets", () => {
    const rows = [0, 0, 0, 1].map((label) => [0, 1].map((c) => Number(c === label)));
    const found = alignmentOffsets(rows, [0.75, 0.25]);
    expect(found.every(Number.isFinite)).toBe(true);
  });

  test("no images, and a class without a proportion, are refused", () => {
    expect(() => alignmentOffsets([], [0.5, 0.5])).toThrow(/no images/);
    expect(() => alignmentOffsets([[1, 0]], [1, 0])).toThrow(/class 1 has the proportion 0/);
  });
});
