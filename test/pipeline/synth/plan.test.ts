import { describe, expect, it } from "vitest";
import { synthParameters } from "../../../pipeline/synth/parameters.js";
import { planSet, presetCounts } from "../../../pipeline/synth/plan.js";

const sides = (plan: { width: number; height: number }[]) =>
  plan.map(({ width, height }) => [Math.min(width, height), Math.max(width, height)] as const);

describe("planSet", () => {
  it("has Table 1's numbers and sizes in preset table1", () => {
    const plan = planSet(synthParameters, "table1", 0);
    const counts: Record<string, number> = {};
    for (const { folder } of plan) counts[folder] = (counts[folder] ?? 0) + 1;
    expect(counts).toEqual({ Debris: 3587, Dense: 3934, Diff: 656, Spread: 10506, MultiLabel: 2659 });
    const all = sides(plan);
    expect(all.every(([short, long]) => short >= 55 && short <= 771 && long >= 85 && long <= 1298)).toBe(true);
    expect(plan.some(({ width, height }) => height === 55 && width === 85)).toBe(true);
    expect(plan.some(({ width, height }) => height === 771 && width === 1298)).toBe(true);
  });

  it("draws log-normal sizes: the mean above the median, composites larger", () => {
    const plan = planSet(synthParameters, "table1", 1);
    const areas = (folder: string) =>
      plan
        .filter((image) => image.folder === folder)
        .map(({ width, height }) => width * height)
        .sort((a, b) => a - b);
    const median = (values: number[]) => values[values.length >> 1]!;
    const spread = areas("Spread");
    expect(spread.reduce((sum, area) => sum + area, 0) / spread.length).toBeGreaterThan(1.2 * median(spread));
    expect(median(areas("MultiLabel"))).toBeGreaterThan(2 * median(spread));
  });

  it("keeps the proportions in the smaller presets", () => {
    expect(presetCounts(synthParameters, "small")).toEqual({
      Debris: 359,
      Dense: 393,
      Diff: 66,
      Spread: 1051,
      MultiLabel: 266,
    });
    expect(presetCounts(synthParameters, "tiny")).toEqual({
      Debris: 90,
      Dense: 98,
      Diff: 16,
      Spread: 263,
      MultiLabel: 66,
    });
    const tiny = planSet(synthParameters, "tiny", 0);
    expect(sides(tiny).every(([short, long]) => short >= 55 && long >= 64 && long <= 220)).toBe(true);
  });

  it("names each image once and gives each its own stream", () => {
    const plan = planSet(synthParameters, "table1", 0);
    expect(new Set(plan.map(({ name }) => name)).size).toBe(plan.length);
    expect(new Set(plan.map(({ stream }) => stream)).size).toBe(plan.length);
    expect(plan[0]!.name).toBe("Debris_0001.png");
    expect(plan.find(({ folder }) => folder === "Spread")!.name).toBe("Spread_00001.png");
  });

  it("is the same for the same seed, another for another, and small is the beginning of table1", () => {
    expect(planSet(synthParameters, "tiny", 7)).toEqual(planSet(synthParameters, "tiny", 7));
    expect(planSet(synthParameters, "tiny", 7)).not.toEqual(planSet(synthParameters, "tiny", 8));
    const dense = (preset: "small" | "table1") =>
      planSet(synthParameters, preset, 7)
        .filter(({ folder }) => folder === "Dense")
        .slice(0, 393);
    expect(dense("small")).toEqual(dense("table1"));
  });
});
