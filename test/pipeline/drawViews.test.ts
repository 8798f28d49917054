import { describe, expect, test } from "vitest";
import { Rng } from "../../engine/rng.js";
import { drawViews, plainView, type View } from "../../pipeline/augment.js";
import { resolveConfig } from "../../pipeline/config/resolve.js";

/** Probabilities, ranges and independence of the drawn views: the article's text, and its authors' code. */

const paper = resolveConfig({ recipe: "paper" }).augment;
const code = resolveConfig({ recipe: "reference-code" }).augment;
const count = 20_000;

const draw = (config: typeof paper, kind: "labelled" | "unlabelled" = "unlabelled", n = count) =>
  drawViews(new Rng(11, "views"), config, kind, n);

type Gate = (view: View) => boolean;
const gates = {
  horizontal: (view) => view.flipHorizontal,
  vertical: (view) => view.flipVertical,
  rotation: (view) => view.degrees !== 0,
  brightness: (view) => view.brightness !== 1,
  contrast: (view) => view.contrast !== 1,
  blur: (view) => view.blurSigma !== 0,
} satisfies Record<string, Gate>;

/** Asserts a share of the views within 4.5 standard deviations of the probability. */
function expectShare(views: readonly View[], gate: Gate, probability: number, label: string): void {
  const share = views.filter(gate).length / views.length;
  const deviation = Math.sqrt((probability * (1 - probability)) / views.length);
  expect(Math.abs(share - probability), `${label}: ${share}, expected ${probability}`).toBeLessThanOrEqual(
    4.5 * deviation,
  );
}

/** Asserts that values fill [low, high] evenly: extremes, mean, and variance of a uniform distribution. */
function expectUniform(values: number[], low: number, high: number, label: string): void {
  const unit = values.map((value) => (value - low) / (high - low));
  const mean = unit.reduce((a, b) => a + b, 0) / unit.length;
  const variance = unit.reduce((a, b) => a + (b - 0.5) ** 2, 0) / unit.length;
  expect(Math.min(...unit), label).toBeGreaterThanOrEqual(0);
  expect(Math.max(...unit), label).toBeLessThanOrEqual(1);
  expect(Math.abs(mean - 0.5), label).toBeLessThan(4.5 * Math.sqrt(1 / 12 / unit.length));
  expect(Math.abs(variance - 1 / 12), label).toBeLessThan(4.5 * Math.sqrt(1 / 180 / unit.length));
}

describe("drawViews", () => {
  test("text: six changes, each with probability 0.25, pairwise independent", () => {
    const views = draw(paper);
    const list = Object.entries(gates);
    list.forEach(([name, gate], i) => {
      expectShare(views, gate, 0.25, name);
      for (const [other, second] of list.slice(i + 1)) {
        expectShare(views, (view) => gate(view) && second(view), 1 / 16, `${name} and ${other}`);
      }
    });
  });

  test("code: flips 0.5, tone together 0.25, blur and rotation 0.25", () => {
    const views = draw(code);
    expectShare(views, gates.horizontal, 0.5, "horizontal");
    expectShare(views, gates.vertical, 0.5, "vertical");
    expectShare(views, (view) => view.flipHorizontal && view.flipVertical, 0.25, "both flips");
    for (const name of ["rotation", "brightness", "blur"] as const) expectShare(views, gates[name], 0.25, name);
    expectShare(views, (view) => gates.brightness(view) && gates.rotation(view), 1 / 16, "tone and rotation");
    expect(views.filter((view) => gates.brightness(view) !== gates.contrast(view))).toEqual([]);
  });

  test.each([paper, code])("magnitudes fill their ranges ($order)", (config) => {
    const views = draw(config);
    const values = (key: "degrees" | "brightness" | "contrast" | "blurSigma") =>
      views.map((view) => view[key]).filter((value) => value !== plainView[key]);
    expectUniform(values("degrees"), -180, 180, "degrees");
    expectUniform(values("brightness"), 0.5, 1.5, "brightness");
    expectUniform(values("contrast"), 0.25, 1.75, "contrast");
    expectUniform(values("blurSigma"), 0.1, 2, "sigma");
  });

  test("labelled patches: everything in the text, flips only in the code", () => {
    expect(draw(paper, "labelled", 200)).toEqual(draw(paper, "unlabelled", 200));
    const flips = draw(code, "labelled", 200);
    const all = draw(code, "unlabelled", 200);
    const { flipHorizontal, flipVertical, ...rest } = plainView;
    for (const [v, view] of flips.entries()) {
      expect(view).toEqual({ ...rest, flipHorizontal: all[v]!.flipHorizontal, flipVertical: all[v]!.flipVertical });
    }
    expect(new Set(flips.map((view) => `${view.flipHorizontal} ${view.flipVertical}`)).size).toBe(4);
  });

  test("probability 0 and 1, and ten words of the stream per view", () => {
    const never = { ...paper, flipProbability: 0, rotateProbability: 0, brightnessProbability: 0 };
    expect(draw({ ...never, contrastProbability: 0, blurProbability: 0 }, "unlabelled", 50)).toEqual(
      Array(50).fill(plainView),
    );
    const always = draw({ ...paper, flipProbability: 1, blurProbability: 1 }, "unlabelled", 50);
    expect(always.every((view) => view.flipHorizontal && view.flipVertical && view.blurSigma >= 0.1)).toBe(true);
    const rng = new Rng(11, "views");
    const parts = [...drawViews(rng, paper, "unlabelled", 3), ...drawViews(rng, paper, "unlabelled", 4)];
    expect(parts).toEqual(draw(paper, "unlabelled", 7));
    expect(rng.state().offset).toBe(70);
  });
});
