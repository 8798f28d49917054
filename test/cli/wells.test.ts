import { expect, test } from "vitest";
import type { DetectionScore } from "../../cli/actions.js";
import { run } from "./support.js";

test("synth --wells draws 48 frames of 2908 px each by default and says how to go on", async () => {
  const calls: unknown[] = [];
  const outcome = await run(["synth", "out", "--wells", "2", "--seed", "7"], {
    async synthesiseWells(out, { wells, frames = 0, size = 0, seed }) {
      calls.push([out, wells, frames, size, seed]);
      return { out, wells, frames, size, seed, version: 1, counts: { Spread: 5, Dense: 3 }, bytes: 1, seconds: 2 };
    },
  });
  expect(calls).toEqual([["out", 2, 48, 2908, 7]]);
  expect(outcome.code).toBe(0);
  expect(outcome.stdout).toMatch(/frames +96\n *Dense +3\n *Spread +5\n/);
  expect(outcome.stdout).toContain("equipoise detect out/wells --out DIR");
  expect(outcome.stdout).toContain("equipoise score DIR --truth out/truth");
});

test.each([
  [["synth", "out", "--wells", "2", "--preset", "small"], /'--preset <size>' cannot be used with option '--wells <n>'/],
  [["synth", "out", "--wells", "0"], /whole number from 1/],
  [["score", "out"], /required option '--truth <folder>'/],
  [["score", "out", "--truth", "t", "--iou", "1.5"], /above 0, up to 1/],
])("%j is wrong usage", async (args, message) => {
  const outcome = await run(args);
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toMatch(message);
});

test("score shows shares, recall by class, and warns of images that were not detected", async () => {
  const score: DetectionScore = {
    ...{ images: 2, truth: 10, detected: 9, matched: 8, merged: 1, small: 0, minSize: 500, iou: 0.6 },
    ...{ recall: 0.8, precision: 8 / 9, objectIou: 0.75, maskIou: null, missing: ["B02_t01"], perImage: [] },
    classes: { Spread: { truth: 4, matched: 3, recall: 0.75 }, Dense: { truth: 6, matched: 5, recall: 5 / 6 } },
  };
  const outcome = await run(["score", "found", "--truth", "true", "--min-size", "500", "--iou", "0.6"], {
    async scoreDetection(folder, truth, { minSize, iou }) {
      expect([folder, truth, minSize, iou]).toEqual(["found", "true", 500, 0.6]);
      return score;
    },
  });
  expect(outcome.stderr).toContain("no detection of 1 images of the truth, B02_t01 the first");
  expect(outcome.stdout).toMatch(/precision +0\.889/);
  expect(outcome.stdout).toMatch(/whole masks, mean +-\n/);
  expect(outcome.stdout).toMatch(/recall of Dense \(6\) +0\.833\n *recall of Spread \(4\) +0\.750/);
});
