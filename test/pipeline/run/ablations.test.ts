import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resolveConfig } from "../../../pipeline/config/resolve.js";
import { scanDataset } from "../../../pipeline/data/scan.js";
import { splitDataset } from "../../../pipeline/data/split.js";
import { readCheckpoint, savedArray } from "../../../pipeline/run/checkpoint.js";
import { plannedImages } from "../../../pipeline/run/epochPlan.js";
import { FolderStore, runPaths } from "../../../pipeline/run/folder.js";
import { temporaryFolder, writeImages } from "./images.js";
import { runUntil } from "./runUntil.js";
import { metricsOf, quickConfig, weightsOf } from "./support.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(folder.remove);
// Larger than a patch, so that crops of an image differ.
beforeAll(() => writeImages(at("data"), { size: 80 }));

const short = ["pretrain.steps=1", "train.stepsPerEpoch=null", "train.steps=4", "finetune.enabled=false", "dropout=0"];
const run = async (name: string, set: string[]) => {
  await runUntil(at("data"), at(name), quickConfig({ set: [...short, "train.studentLr=0.05", ...set] }));
  return metricsOf(at(name)).filter(({ kind }) => kind === "step" || kind === "epoch");
};

describe("ablations by --set", () => {
  test("the feedback's sign turns the meta loss, and its weight 0 leaves the teacher to L and U", async () => {
    const [plain, turned, without] = [
      await run("plain", []),
      await run("turned", ["meta.feedbackSign=old-new"]),
      await run("without", ["meta.mplWeight=0"]),
    ];
    for (const lines of [plain, turned, without]) expect(lines.filter(({ kind }) => kind === "step").length).toBe(2);
    expect(plain[0]?.teacherLossMpl).not.toBe(0);
    expect(Math.sign(turned[0]?.feedback as number)).not.toBe(Math.sign(plain[0]?.feedback as number));
    for (const line of without) if (line.kind === "step") expect(Math.abs(line.teacherLossMpl as number)).toBe(0);
    const teachers = ["plain", "turned", "without"].map((name) => weightsOf(at(name), ["teacher"]).teacher);
    expect(new Set(teachers).size).toBe(3);
  });

  test("threshold 0 takes all pseudo-labels, 1 none", async () => {
    const mask = async (name: string, set: string[]) => (await run(name, set))[0]?.maskMean;
    expect(await mask("all", ["meta.threshold=0"])).toBe(1);
    expect(await mask("none", ["meta.threshold=1"])).toBe(0);
  });

  test("without balancing every patch of U weighs the same, and no class is left out", async () => {
    await run("unbalanced", ["meta.balance=false", "train.steps=10", "pretrain.steps=1"]);
    const epoch = metricsOf(at("unbalanced")).find(({ kind }) => kind === "epoch");
    expect(new Set(epoch?.samplingWeights as number[]).size).toBe(1);
    expect(epoch?.neverPredicted).toEqual([]);
  });

  test("the labelled fraction moves images from U to L", async () => {
    const sizes = async (fraction: number) => {
      const { data } = quickConfig({ set: [`data.labelledFraction=${fraction}`] });
      const { L, validation, U } = splitDataset(await scanDataset(at("data"), data), { ...data, seed: 1 });
      return [L.length + validation.length, U.length];
    };
    const [few, many] = [await sizes(0.2), await sizes(0.6)];
    expect(few![0]! + few![1]!).toBe(many![0]! + many![1]!);
    expect(many![0]!).toBeGreaterThan(2 * few![0]!);
  });
});

describe("the control without U", () => {
  test("has the draws and steps of U, and patches of L alone, with a new crop each time", async () => {
    const control = await run("control", ["data.unlabelledFrom=L", "train.steps=10"]);
    const normal = await run("normal", ["train.steps=10"]);
    const count = (lines: typeof control) => lines.filter(({ kind }) => kind === "epoch").length;
    expect(count(control)).toBe(count(normal));
    const sum = (lines: typeof control) =>
      (lines.find(({ kind }) => kind === "epoch")!.pseudoCounts as number[]).reduce((a, b) => a + b, 0);
    expect(sum(control)).toBe(sum(normal));

    const config = quickConfig({ set: ["data.unlabelledFrom=L"] });
    const { L, U } = splitDataset(await scanDataset(at("data"), config.data), { ...config.data, seed: 1 });
    const images = plannedImages(config, { L, U });
    expect(images).toHaveLength(U.length);
    expect(new Set(images)).toEqual(new Set(L));
    expect(plannedImages(quickConfig(), { L, U })).toBe(U);

    const checkpoint = await readCheckpoint(new FolderStore(runPaths(at("control"))));
    const [image, y, x] = ["image", "y", "x"].map((name) => savedArray(checkpoint!, `plan.${name}`)!);
    expect(new Set(image)).toEqual(new Set(L));
    const crops = [...image!].map((value, i) => `${value} ${y![i]} ${x![i]}`);
    expect(new Set(crops).size).toBeGreaterThan(0.9 * crops.length);
  });

  test("is refused where there are no pseudo-labels, and so are strategies that would do nothing", () => {
    const resolve = (config: string, ...set: string[]) => resolveConfig({ config, set });
    expect(() => resolve("vgg19", "data.unlabelledFrom=L")).toThrow(
      '"data.unlabelledFrom" is L, but method supervised has no pseudo-labels: leave it U',
    );
    expect(() => resolve("simclr", "imbalance.labels=debiased")).toThrow('"imbalance.labels" is debiased');
    expect(() => resolve("contrastive-clustering", "imbalance.abc=true")).toThrow('"imbalance.abc" is true');
    expect(resolve("vgg19", "imbalance.abc=true", "imbalance.cdmad=true").imbalance.abc).toBe(true);
  });
});
