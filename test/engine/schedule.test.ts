import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lrFactor, type Schedule } from "../../engine/optim/schedule.js";

const url = new URL("../fixtures/oracle/mpl/lr_schedule.json", import.meta.url);
const reference: Record<string, number[]> = JSON.parse(readFileSync(url, "utf8"));

/** "warmup=5,total=20,wait=3" as an object. */
const parse = (key: string): Schedule => JSON.parse(`{${key.replace(/(\w+)=(\d+)/g, '"$1":$2')}}`);

describe("lrFactor", () => {
  it.each(Object.entries(reference))("equals the authors' schedule, rising again: %s", (key, factors) => {
    expect(factors.length).toBeGreaterThan(20);
    factors.forEach((factor, step) => {
      expect(lrFactor(step, { ...parse(key), riseAgain: true })).toBeCloseTo(factor, 14);
    });
  });

  it.each(Object.entries(reference))("stays at 0 after the end without riseAgain: %s", (key, factors) => {
    const schedule = parse(key);
    factors.forEach((factor, step) => {
      expect(lrFactor(step, schedule)).toBeCloseTo(step > schedule.total ? 0 : factor, 14);
    });
    expect(lrFactor(2 * schedule.total, schedule)).toBe(0);
  });

  it("has no division by zero when warm-up and wait fill the run", () => {
    expect([3, 4, 5, 6].map((step) => lrFactor(step, { total: 5, warmup: 3, wait: 2 }))).toEqual([0.6, 0.8, 1, 0]);
    expect(lrFactor(0, { total: 0 })).toBe(1);
  });

  it("refuses negative lengths and NaN", () => {
    expect(() => lrFactor(0, { total: 10, warmup: -1 })).toThrow(/warmup is -1/);
    expect(() => lrFactor(Number.NaN, { total: 10 })).toThrow(/step is NaN/);
  });
});
