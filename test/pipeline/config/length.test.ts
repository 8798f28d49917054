import { expect, test } from "vitest";
import { classCountFloor, stepsOf } from "../../../pipeline/config/length.js";

const phase = { stepsPerEpoch: 47, totalSteps: 9400 };

test.each([
  [0, 0],
  [5000, 5000],
  ["50%", 4700],
  ["5%", 470],
  ["100%", 9400],
  ["0.01%", 1],
  ["10 epochs", 470],
  ["1 epoch", 47],
  ["0.5 epochs", 24],
])("%j is %i steps", (length, steps) => {
  expect(stepsOf(length, phase)).toBe(steps);
});

test("half of 200 epochs is the start of epoch 100", () => {
  expect(stepsOf("50%", { stepsPerEpoch: 31, totalSteps: 200 * 31 })).toBe(100 * 31);
});

test("text that is no length is refused, never read as 0", () => {
  expect(() => stepsOf("half", phase)).toThrow(RangeError);
});

test("the least class count is a number of images, or a share of U that is at least one image", () => {
  expect(classCountFloor(7, 1000)).toBe(7);
  expect(classCountFloor("1%", 8500)).toBe(85);
  expect(classCountFloor("1%", 20)).toBe(1);
});
