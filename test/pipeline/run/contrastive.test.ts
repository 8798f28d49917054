import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readSafetensors } from "../../../models/index.js";
import { folderSource } from "../../../pipeline/report/folder.js";
import { reportOf } from "../../../pipeline/report/report.js";
import { evaluateRun, resumeRun } from "../../../pipeline/run/index.js";
import { temporaryFolder, writeImages } from "./images.js";
import { expectResumes, runUntil } from "./runUntil.js";
import { KeptLog, metricsOf, quickConfig, weightsOf } from "./support.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const data = at("data");
afterAll(folder.remove);
beforeAll(() => writeImages(data));
afterEach(() => {
  delete process.env.EQUIPOISE_NO_CAPTURE;
});

/** Small heads, and patches of a quarter of an image: there are patches beside patches. */
const small = [
  "model=vgg-compact",
  "patch.size=32",
  "contrastive.epochs=2",
  "contrastive.stepsPerEpoch=2",
  "clustering.hidden=16",
  "clustering.size=8",
  "simtriplet.hidden=16",
  "simtriplet.size=16",
  "simtriplet.bottleneck=4",
  "pretrain.maxSteps=1",
  "finetune.maxSteps=1",
  "logEvery=2",
];
const configOf = (config: string, more: readonly string[] = []) => quickConfig({ config, set: [...small, ...more] });
const train = (name: string, config: string, more: readonly string[] = []) =>
  runUntil(data, at(name), configOf(config, more));
const lines = (name: string, kind: string) => metricsOf(at(name)).filter((line) => line.kind === kind);
const student = (name: string) => readSafetensors(readFileSync(join(at(name), "weights", "student.safetensors")));
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe("contrastive-clustering", () => {
  test("clusters, names the clusters after every epoch, and is fine-tuned from the best of them", async () => {
    const result = await train("clustering", "contrastive-clustering");
    expect(result).toMatchObject({ teacher: null, finetuned: true });
    expect(result?.student.n).toBe(17);
    expect(new Set(metricsOf(at("clustering")).map(({ kind }) => kind))).toEqual(
      new Set(["contrastive-step", "contrastive-epoch", "finetune-step", "finetune-epoch"]),
    );
    const epochs = lines("clustering", "contrastive-epoch");
    expect(epochs).toHaveLength(2);
    for (const line of epochs) {
      const { loss, instanceLoss, clusterLoss, clusterBalance } = line as Record<string, unknown> as Record<
        string,
        number
      >;
      expect(loss).toBeCloseTo(instanceLoss! + clusterLoss! + clusterBalance!, 5);
      expect(clusterBalance).toBeGreaterThanOrEqual(0);
      expect(clusterBalance).toBeLessThan(2 * Math.log(4));
      // 10 images in L: each is in some cluster.
      expect(sum(line.labelledInCluster as number[])).toBe(10);
      // The best of all names is better than the average of all.
      expect(line.labelledBalancedAccuracy).toBeGreaterThanOrEqual(0.25);
      expect(line.renamed).not.toBe(1);
      expect(sum((line.validation as { confusion: number[][] }).confusion.flat())).toBe(4);
    }
    const best = epochs.map(({ validation }) => validation as { balancedAccuracy: number; loss: number });
    const later =
      best[1]!.balancedAccuracy > best[0]!.balancedAccuracy ||
      (best[1]!.balancedAccuracy === best[0]!.balancedAccuracy && best[1]!.loss < best[0]!.loss);
    expect(result?.bestEpoch).toBe(Number(later));
  });

  test("ends bitwise the same however often it is stopped", async () => {
    await expectResumes(data, at("clustering"), configOf("contrastive-clustering"), 2 + 2 + 1);
  });

  test("without fine-tuning is tested as it clusters, and evaluates again as it was tested", async () => {
    const set = ["finetune.enabled=false", "clustering.match=count"];
    const result = await train("alone", "contrastive-clustering", set);
    expect(result).toMatchObject({ finetuned: false });
    const again = await evaluateRun(at("alone"), { log: new KeptLog() });
    expect(again.student).toEqual(result?.student);
  });

  test("refuses a batch of one image", () => {
    expect(() => configOf("contrastive-clustering", ["batch=1"])).toThrow(/"batch" is 1.*2 or more/);
  });
});

describe("simtriplet", () => {
  test("learns from patches beside patches, then from L", async () => {
    const result = await train("triplet", "simtriplet");
    expect(result).toMatchObject({ teacher: null, finetuned: true, bestEpoch: 0 });
    const epochs = lines("triplet", "contrastive-epoch");
    expect(epochs).toHaveLength(2);
    for (const line of epochs) {
      const { loss, intraLoss, interLoss } = line as Record<string, unknown> as Record<string, number>;
      expect(loss).toBeCloseTo(intraLoss! + interLoss!, 5);
      for (const part of [intraLoss!, interLoss!]) expect(Math.abs(part)).toBeLessThanOrEqual(1);
      expect(line.validation).toBeUndefined();
    }
    expect(lines("triplet", "pretrain-epoch")).toHaveLength(1);
    const log = readFileSync(join(at("triplet"), "log.txt"), "utf8");
    const [, sides] = /adjacent patches lie (\d\.\d\d) of a patch's side away/.exec(log) ?? [];
    // A patch of 32 px anywhere in 64: the farthest side is between half a patch and a whole one away.
    expect(Number(sides)).toBeGreaterThan(0.5);
    expect(Number(sides)).toBeLessThan(1);
  });

  test("ends bitwise the same however often it is stopped", async () => {
    await expectResumes(data, at("triplet"), configOf("simtriplet"), 2 + 2 + 1 + 1);
  });

  test("as a linear probe moves the classifier only", async () => {
    const probe = ["contrastive.probe=true", "contrastive.epochs=1", "contrastive.stepsPerEpoch=1"];
    await train("probe-0", "simtriplet", [...probe, "pretrain.epochs=0"]);
    expect(await train("probe-1", "simtriplet", probe)).toMatchObject({ finetuned: false });
    const [before, after] = [student("probe-0"), student("probe-1")];
    const moved = [...after].filter(([name, { data }]) => data.some((v, i) => v !== before.get(name)!.data[i]));
    expect(moved.map(([name]) => name)).toEqual(["classifier.0.weight", "classifier.0.bias"]);
  });

  test("warns where images have no patch beside a patch", async () => {
    await train("whole", "simtriplet", [
      "patch.size=64",
      "contrastive.epochs=1",
      "finetune.enabled=false",
      "pretrain.epochs=0",
    ]);
    expect(readFileSync(join(at("whole"), "log.txt"), "utf8")).toMatch(/warning: images of 64 px have no patch beside/);
  });
});

describe.each(["contrastive-clustering", "simtriplet"])("%s", (config) => {
  test("captured steps end bitwise as eager ones do", async () => {
    const name = config === "simtriplet" ? "triplet" : "clustering";
    process.env.EQUIPOISE_NO_CAPTURE = "1";
    await train(`${name}-eager`, config);
    expect(weightsOf(at(`${name}-eager`), ["student"])).toEqual(weightsOf(at(name), ["student"]));
    expect(metricsOf(at(`${name}-eager`))).toEqual(metricsOf(at(name)));
  });

  test("refuses a batch of more images than there are, and has a report of its own", async () => {
    await expect(train(`${config}-many`, config, ["batch=64"])).rejects.toThrow(/64 different images in a batch/);
    const html = await reportOf(folderSource(at(config === "simtriplet" ? "triplet" : "clustering")));
    expect(html).toContain(config === "simtriplet" ? "of a patch beside it" : "NT-Xent of views and of clusters");
    expect(html).toContain("This method has no pseudo-labels.");
    expect(html).not.toContain("Nothing is recorded of it.");
    expect(html.includes("Cross-entropy of the student on labelled batches")).toBe(config === "simtriplet");
  });
});

test.each([
  ["contrastive-clustering", "vgg19", 64],
  ["contrastive-clustering", "ms-vgg19", 128],
  ["contrastive-clustering", "ms-hrnet-small-v1", 64],
  ["simtriplet", "ms-vgg19", 128],
  ["simtriplet", "ms-hrnet-small-v1", 64],
])("%s trains %s, and leaves a finished run as it is", async (config, model, size) => {
  const name = `${config}-${model}`;
  const set = ["contrastive.epochs=1", `model=${model}`, `patch.size=${size}`, "memory.recompute=true"];
  const result = await train(name, config, set);
  expect(result?.student.n).toBe(17);
  const { signal } = new AbortController();
  expect(await resumeRun(at(name), { yes: false, log: new KeptLog(), signal })).toEqual(result);
});
