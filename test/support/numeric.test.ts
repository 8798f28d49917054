import { describe, expect, it } from "vitest";
import { difference, expectClose } from "./numeric.js";

describe("expectClose", () => {
  it("accepts values within atol + rtol * |expected|, and NaN and infinities that agree", () => {
    expectClose([1.0009, -2, NaN, Infinity, 0], [1, -2.001, NaN, Infinity, -0], { rtol: 1e-3 }, "x");
    expectClose([1e-7], [0], { atol: 1e-6 }, "x");
    expectClose([], [], {}, "x");
  });

  it("says what is off: count, max error, index, both values", () => {
    const compare = () => expectClose([1, 2.5, 3.1], [1, 2, 3], { atol: 0.05 }, "conv2d dx");
    expect(compare).toThrow(
      "conv2d dx: 2 of 3 values are off (atol 0.05, rtol 0); max error 0.5; at [1] actual 2.5, expected 2",
    );
  });

  it("takes NaN for equal to NaN only", () => {
    for (const [actual, expected] of [
      [NaN, 1],
      [1, NaN],
      [Infinity, 1],
      [Infinity, -Infinity],
      [1, Infinity],
    ] as const) {
      expect(() => expectClose([actual], [expected], { atol: 1e9, rtol: 1e9 }, "x"), `${actual} ${expected}`).toThrow(
        /1 of 1/,
      );
    }
    expect(difference([NaN], [1], { atol: 1 })).toMatchObject({ count: 1, maxError: Infinity, index: 0 });
  });

  it("refuses another number of values, also fewer", () => {
    expect(() => expectClose([1], [1, 2], { atol: 1 }, "x")).toThrow("x: 1 values, expected 2");
    expect(() => expectClose([1, 2], [1], { atol: 1 }, "x")).toThrow("x: 2 values, expected 1");
  });
});
