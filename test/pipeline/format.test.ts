import { expect, test } from "vitest";
import { duration, percent, roughDuration } from "../../pipeline/format.js";
import { percent as typeset } from "../../pipeline/report/format.js";

test.each([
  [0, "0 s"],
  [0.4, "0 s"],
  [59.6, "1 min"],
  [200, "3 min 20 s"],
  [3600, "1 h"],
  [7199, "1 h 59 min"],
  [7505, "2 h 5 min"],
  [97_300, "1 d 3 h"],
])("%d measured seconds are %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([
  [3.21, "3.2 s"],
  [45.4, "45 s"],
  [700, "12 min"],
  [9000, "2.5 h"],
  [200_000, "55.6 h"],
])("a guess of %d seconds is %s", (seconds, text) => {
  expect(roughDuration(seconds)).toBe(text);
});

test("shares are per cent, and what cannot be computed is said so", () => {
  expect(percent(0.12345)).toBe("12.3 %");
  expect(percent(0.12345, { digits: 0 })).toBe("12 %");
  expect([percent(null), percent(null, { unknown: "unknown" })]).toEqual(["-", "unknown"]);
  expect([typeset(0.5), typeset(0.5, 0), typeset(null)]).toEqual(["50.0\u00a0%", "50\u00a0%", "–"]);
});
