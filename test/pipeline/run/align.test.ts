import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../../../models/index.js";
import { temporaryFolder, writeImages } from "./images.js";
import { runUntil } from "./runUntil.js";
import { quickConfig } from "./support.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(folder.remove);
beforeAll(() => writeImages(at("data")));

const steps = ["train.steps=4", "train.stepsPerEpoch=2", "pretrain.steps=3", "finetune.steps=0"];

function weights(run: string, role: string) {
  const file = join(at(run), "weights", `${role}.safetensors`);
  return [...readSafetensors(readFileSync(file), file)].map(
    ([name, { data }]) => [name, Array.from(data, Number)] as const,
  );
}

test("an aligned run differs from a plain one by offsets in the last biases alone", async () => {
  await runUntil(at("data"), at("plain"), quickConfig({ set: steps }));
  const result = await runUntil(at("data"), at("aligned"), quickConfig({ set: [...steps, "align=true"] }));
  for (const role of ["student", "teacher"] as const) {
    const offsets = result?.alignment?.[role] as number[];
    expect(offsets).toHaveLength(4);
    expect(Math.max(...offsets)).toBeGreaterThan(0);
    const expected = weights("plain", role).map(([name, values]) => [
      name,
      name === "classifier.6.bias" ? values.map((value, c) => Math.fround(value + (offsets[c] as number))) : values,
    ]);
    expect(weights("aligned", role)).toEqual(expected);
  }
});

test("the last student is kept where that is asked for, the best one otherwise", async () => {
  const set = [...steps, "train.steps=8"];
  const last = await runUntil(at("data"), at("last"), quickConfig({ set: [...set, "keep=last"] }));
  expect(last?.bestEpoch).toBe(3);
  const best = await runUntil(at("data"), at("best"), quickConfig({ set }));
  const lines = readFileSync(join(at("best"), "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const found = lines
    .filter(({ kind }) => kind === "epoch")
    .map(({ validation }) => validation.balancedAccuracy as number);
  expect(found[best?.bestEpoch as number]).toBe(Math.max(...found));
});
