import { describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { Rng } from "../../../engine/rng.js";
import { classCounts, hiddenLabels, splitDataset, visibleLabels } from "../../../pipeline/data/split.js";
import type { SplitOptions } from "../../../pipeline/data/splitOptions.js";
import type { Dataset, ImageRecord, Split } from "../../../pipeline/data/types.js";

interface Shape {
  counts: readonly number[];
  unlabelled?: number;
  multiLabel?: number;
  /** Group of the i-th image overall. */
  group?: (i: number, label: number | null) => string | null;
  name?: (label: number, i: number) => string;
}

function makeDataset({ counts, unlabelled = 0, multiLabel = 0, group = () => null, name }: Shape): Dataset {
  const images: ImageRecord[] = [];
  const add = (part: ImageRecord["part"], label: number | null, id: string) =>
    images.push({ id, file: `/set/${id}`, mask: null, part, label, group: group(images.length, label) });
  for (const [label, count] of counts.entries()) {
    for (let i = 0; i < count; i++)
      add("labelled", label, `${String.fromCharCode(65 + label)}/${name?.(label, i) ?? `${i}`}.png`);
  }
  for (let i = 0; i < unlabelled; i++) add("unlabelled", null, `Unlabelled/${i}.png`);
  for (let i = 0; i < multiLabel; i++) add("multi-label", null, `Multi/${i}.png`);
  return { root: "/set", classes: counts.map((_, label) => String.fromCharCode(65 + label)), images };
}

const partsOf = ({ L, validation, U, T }: Split) => [...L, ...validation, ...U, ...T];
/** Every count is within `tolerance` images of its target. */
function near(counts: readonly number[], targets: readonly number[], tolerance = 1): void {
  expect(counts.length).toBe(targets.length);
  for (const [i, count] of counts.entries()) expect(Math.abs(count - targets[i]!)).toBeLessThan(tolerance);
}

/** Benchmark splits of 40 random datasets. */
const cases = Array.from({ length: 40 }, (_, seed) => {
  const rng = new Rng(seed, "test/split");
  const folds = 3 + rng.int(8);
  const counts = Array.from({ length: 2 + rng.int(9) }, () => folds + rng.int(seed % 2 ? 40 : 700));
  const labelledFraction = 0.05 + 0.5 * rng.uniform();
  return { seed, folds, counts, labelledFraction };
});

describe("splitDataset, benchmark", () => {
  it.each(cases)("is disjoint, complete and stratified (case $seed)", ({ seed, folds, counts, labelledFraction }) => {
    const dataset = makeDataset({ counts, multiLabel: 9 });
    const split = splitDataset(dataset, { folds, fold: seed % folds, labelledFraction, seed });
    const labelledImages = counts.reduce((a, b) => a + b);
    expect(partsOf(split).sort((a, b) => a - b)).toEqual(Array.from({ length: labelledImages }, (_, i) => i));
    for (const part of [split.L, split.validation, split.U, split.T])
      expect(part).toEqual([...part].sort((a, b) => a - b));
    near(
      classCounts(dataset, split.T),
      counts.map((n) => n / folds),
    );
    const labelled = classCounts(dataset, [...split.L, ...split.validation]);
    near(
      labelled,
      counts.map((n) => Math.max(2, labelledFraction * n)),
    );
    near(
      classCounts(dataset, split.validation),
      labelled.map((n) => Math.max(1, 0.2 * n)),
    );
    expect(Math.min(...classCounts(dataset, split.L))).toBeGreaterThan(0);
    expect(Math.abs(split.T.length - labelledImages / folds)).toBeLessThan(1 + counts.length / folds);
  });

  it("makes folds that partition the images, with level totals", () => {
    const dataset = makeDataset({ counts: [53, 18, 11, 207] });
    const tests = Array.from({ length: 10 }, (_, fold) => splitDataset(dataset, { fold, seed: 4 }).T);
    expect(tests.flat().sort((a, b) => a - b)).toEqual(dataset.images.map((_, i) => i));
    const sizes = tests.map((test) => test.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  it("gives the paper's proportions on Table 1 (80:10:10, validation a fifth of L, multi-label only when asked)", () => {
    const dataset = makeDataset({ counts: [3587, 3934, 656, 10506], multiLabel: 2659 });
    const split = splitDataset(dataset, { seed: 0 });
    near(classCounts(dataset, split.T), [358.7, 393.4, 65.6, 1050.6]);
    expect(split.L.length + split.validation.length).toBe(359 + 393 + 66 + 1051);
    expect(split.T.length + split.U.length + 359 + 393 + 66 + 1051).toBe(18683);
    const withMulti = splitDataset(dataset, { seed: 0, useMultiLabel: true });
    expect(withMulti.U.length - split.U.length).toBe(2659);
    expect([withMulti.L, withMulti.validation, withMulti.T]).toEqual([split.L, split.validation, split.T]);
  });

  it("is a function of the seed, and L depends on the fold", () => {
    const dataset = makeDataset({ counts: [60, 80] });
    const options: SplitOptions = { seed: 1, labelledFraction: 0.3 };
    expect(splitDataset(dataset, options)).toEqual(splitDataset(dataset, options));
    expect(splitDataset(dataset, { ...options, seed: 2 }).T).not.toEqual(splitDataset(dataset, options).T);
  });

  it("grows L at the cost of U and keeps T", () => {
    const dataset = makeDataset({ counts: [100, 300] });
    const sizes = [0.01, 0.05, 0.1, 0.5, 0.8, 0.9].map((labelledFraction) => {
      const split = splitDataset(dataset, { labelledFraction, seed: 3 });
      return [split.L.length + split.validation.length, split.U.length, split.T.length];
    });
    expect(sizes).toEqual([
      [5, 355, 40],
      [20, 340, 40],
      [40, 320, 40],
      [200, 160, 40],
      [320, 40, 40],
      [360, 0, 40],
    ]);
  });

  it("warns when a class is raised to two labelled images, and when U is empty", () => {
    const dataset = makeDataset({ counts: [20, 300] });
    expect(splitDataset(dataset, { labelledFraction: 0.01, seed: 3 }).warnings.join()).toMatch(
      /less than two images of A:/,
    );
    expect(splitDataset(dataset, { labelledFraction: 0.9, seed: 3 }).warnings.join()).toMatch(/U is empty/);
  });

  it("gives the fully labelled upper bound the same T and validation", () => {
    const dataset = makeDataset({ counts: [50, 90], multiLabel: 5 });
    const split = splitDataset(dataset, { seed: 5 });
    const upper = splitDataset(dataset, { seed: 5, supervisedOn: "L+U", useMultiLabel: true });
    expect([upper.T, upper.validation, upper.U]).toEqual([split.T, split.validation, []]);
    expect(upper.L).toEqual([...split.L, ...split.U].sort((a, b) => a - b));
  });

  it("hides the labels of U from training and keeps them for reports", () => {
    const dataset = makeDataset({ counts: [50, 90], multiLabel: 5 });
    const split = splitDataset(dataset, { seed: 5, useMultiLabel: true });
    const visible = visibleLabels(dataset, split);
    expect(split.U.every((i) => visible[i] === -1)).toBe(true);
    for (const i of [...split.L, ...split.validation, ...split.T]) expect(visible[i]).toBe(dataset.images[i]!.label);
    const hidden = hiddenLabels(dataset, split);
    expect([...hidden]).toEqual(split.U.map((i) => dataset.images[i]!.label ?? -1));
    expect(hidden.filter((label) => label === -1).length).toBe(5);
  });
});

describe("splitDataset, labelled", () => {
  it("uses every label, takes U from the unlabelled images, and is the default when there are any", () => {
    const dataset = makeDataset({ counts: [40, 200], unlabelled: 30, multiLabel: 7 });
    const split = splitDataset(dataset, { seed: 1 });
    expect(split.U).toEqual(Array.from({ length: 30 }, (_, i) => 240 + i));
    expect(classCounts(dataset, split.T)).toEqual([4, 20]);
    expect(classCounts(dataset, split.validation)).toEqual([7, 36]);
    expect(partsOf(split).length).toBe(270);
    expect(splitDataset(dataset, { seed: 1, useMultiLabel: true }).U.length).toBe(37);
    expect(splitDataset(dataset, { seed: 1, split: "benchmark" }).U.length).toBeGreaterThan(200);
  });

  it.each([0.1, 0.15, 0.3, 0.5])("makes disjoint test parts of testFraction %d", (testFraction) => {
    const dataset = makeDataset({ counts: [43, 201], unlabelled: 3 });
    const parts = Math.floor(1 / testFraction);
    const tests = Array.from({ length: parts }, (_, fold) => splitDataset(dataset, { seed: 1, testFraction, fold }).T);
    expect(new Set(tests.flat()).size).toBe(tests.flat().length);
    for (const test of tests) near(classCounts(dataset, test), [43 * testFraction, 201 * testFraction]);
  });

  it("still tests, validates and trains on every class of three images", () => {
    const dataset = makeDataset({ counts: [3, 200], unlabelled: 3 });
    for (let fold = 0; fold < 10; fold++) {
      const split = splitDataset(dataset, { seed: 1, fold });
      for (const part of [split.T, split.validation, split.L]) expect(classCounts(dataset, part)[0]).toBe(1);
    }
  });
});

describe("splitDataset, groups", () => {
  const wells = (seed: number, count: number) => {
    const rng = new Rng(seed, "wells");
    return () => `well${rng.int(count)}`;
  };

  it.each([1, 2, 3, 4, 5])("keeps every group in one part and the classes near their share (seed %d)", (seed) => {
    const dataset = makeDataset({ counts: [300, 500, 90], unlabelled: 60, multiLabel: 40, group: wells(seed, 60) });
    for (const mode of ["benchmark", "labelled"] as const) {
      const options: SplitOptions = {
        seed,
        split: mode,
        labelledFraction: 0.3,
        folds: 5,
        testFraction: 0.2,
        useMultiLabel: true,
      };
      const split = splitDataset(dataset, options);
      const home = new Map<string, string>();
      const { L, validation, T } = split;
      const labelledU = split.U.filter((i) => dataset.images[i]!.part === "labelled");
      for (const [name, part] of Object.entries({ L, validation, T, labelledU })) {
        for (const i of part) {
          const group = dataset.images[i]!.group!;
          expect(home.get(group) ?? name).toBe(name);
          home.set(group, name);
        }
      }
      for (const i of split.U) expect(["T", "validation"]).not.toContain(home.get(dataset.images[i]!.group!));
      expect(partsOf(split).length).toBe(new Set(partsOf(split)).size);
      near(
        classCounts(dataset, split.T).map((n, label) => n / [300, 500, 90][label]!),
        [0.2, 0.2, 0.2],
        0.06,
      );
      for (const part of [L, validation, T]) expect(Math.min(...classCounts(dataset, part))).toBeGreaterThan(0);
      expect(split.warnings.join()).toMatch(/left out: their group is in the test or validation part/);
    }
  });

  it("gives every part a rare class that occurs in few groups", () => {
    const dataset = makeDataset({
      counts: [300, 500, 9],
      group: (i, label) => (label === 2 ? `w${i % 3}` : `w${i % 40}`),
    });
    const split = splitDataset(dataset, { seed: 1, folds: 3, labelledFraction: 0.2 });
    for (const part of [split.L, split.validation, split.T]) expect(classCounts(dataset, part)[2]).toBeGreaterThan(0);
  });

  it("names the class that occurs in too few groups", () => {
    const dataset = makeDataset({
      counts: [300, 500, 9],
      group: (i, label) => (label === 2 ? `w${i % 2}` : `w${i % 40}`),
    });
    expect(() => splitDataset(dataset, { seed: 1, folds: 3 })).toThrow(/class "C" has 9 images in 2 group\(s\)/);
  });
});

describe("splitDataset, errors and warnings", () => {
  it.each<[Partial<SplitOptions>, number[], RegExp]>([
    [{}, [1, 50], /class "A" has 1 image, but each of the 10 folds needs at least one/],
    [{}, [5, 50], /class "A" has 5 images.*set data\.folds to at most 5, or data\.split to labelled/],
    [{}, [9, 2, 50], /class "B" has 2 images, .*; too few as well: "A"; add images/],
    [{ split: "labelled" }, [1, 50], /class "A" has 1 image, but test, validation and training/],
    [{ fold: 10 }, [50, 50], /fold is 10; with 10 folds it goes from 0 to 9/],
    [{ folds: 1 }, [50, 50], /folds is 1/],
    [{ labelledFraction: 0 }, [50, 50], /labelledFraction is 0/],
    [{ labelledFraction: 0.95 }, [50, 50], /labelledFraction is 0.95.*use at most 0.9/],
    [{ validationFraction: Number.NaN }, [50, 50], /validationFraction is NaN/],
    [{ folds: 2 }, [3, 50], /class "A" has too few images or groups to have one in the/],
  ])("refuses %j on classes of %j images", (options, counts, message) => {
    const attempt = () => [0, 1].map((fold) => splitDataset(makeDataset({ counts }), { seed: 1, fold, ...options }));
    expect(attempt).toThrow(UserError);
    expect(attempt).toThrow(message);
  });

  it.each([
    [(label: number, i: number) => `seq${label}_t${String(i % 48).padStart(3, "0")}_c${Math.floor(i / 48)}`, true],
    [(_: number, i: number) => `A${i % 5}_${Math.floor(i / 5)}`, true],
    [(_: number, i: number) => `well1-${i}h`, true],
    [(_: number, i: number) => `${i}`, false],
    [(label: number, i: number) => `class${label}_${String(i).padStart(5, "0")}`, false],
    [(_: number, i: number) => `t${(i * 2654435761) % 4294967296}x`, false],
  ])("sees time series in file names (case %#)", (name, expected) => {
    const dataset = makeDataset({ counts: [60, 60], name });
    expect(splitDataset(dataset, { seed: 1 }).warnings.some((text) => text.includes("look like time series"))).toBe(
      expected,
    );
    const grouped = { ...dataset, images: dataset.images.map((image, i) => ({ ...image, group: `${i % 60}` })) };
    expect(splitDataset(grouped, { seed: 1 }).warnings.join()).not.toMatch(/time series/);
  });
});
