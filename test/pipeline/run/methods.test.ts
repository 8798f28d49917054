import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseSafetensors } from "../../../models/index.js";
import { folderSource } from "../../../pipeline/report/folder.js";
import { reportOf } from "../../../pipeline/report/report.js";
import { temporaryFolder, writeImages } from "./images.js";
import { expectResumes, runUntil } from "./runUntil.js";
import { metricsOf, quickConfig } from "./support.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(folder.remove);
beforeAll(() => writeImages(at("data")));

const student = (name: string) =>
  parseSafetensors(readFileSync(join(at(name), "weights", "student.safetensors")), name).tensors;

const kinds = (name: string) => metricsOf(at(name)).map(({ kind }) => kind);

describe("simclr", () => {
  const set = ["model=vgg19", "contrastive.epochs=2", "contrastive.stepsPerEpoch=3", "contrastive.warmup=1"];
  const short = [...set, "pretrain.epochs=1", "finetune.maxSteps=2", "dropout=0.3"];
  const config = quickConfig({ config: "simclr", set: short });

  test("learns features without labels, then classes, and ends bitwise the same however often it is stopped", async () => {
    const result = await runUntil(at("data"), at("simclr"), config);
    expect(result).toMatchObject({ teacher: null, finetuned: true, bestEpoch: 0 });
    expect(result?.student.n).toBe(17);
    const lines = metricsOf(at("simclr"));
    const epochs = lines.filter(({ kind }) => kind === "contrastive-epoch");
    expect(epochs).toHaveLength(2);
    for (const { loss, validation } of epochs) {
      // Of 8 views, one is the partner of a view: a guess among 7 others gives ln 7.
      expect(loss).toBeGreaterThan(0);
      expect(loss).toBeLessThan(2 * Math.log(7));
      expect(validation).toBeUndefined();
    }
    expect(new Set(kinds("simclr"))).toEqual(
      new Set([
        "contrastive-step",
        "contrastive-epoch",
        "pretrain-step",
        "pretrain-epoch",
        "finetune-step",
        "finetune-epoch",
      ]),
    );
    await expectResumes(at("data"), at("simclr"), config, 6 + 3 + 2);
  });

  test("as a linear probe moves the classifier only, behind what contrastive learning found", async () => {
    const probe = (name: string, more: string[] = []) =>
      runUntil(
        at("data"),
        at(name),
        quickConfig({ config: "simclr", set: [...set, "contrastive.probe=true", ...more] }),
      );
    expect(await probe("long", ["pretrain.epochs=2"])).toMatchObject({ finetuned: false });
    await probe("short", ["pretrain.epochs=1"]);
    expect(kinds("long")).not.toContain("finetune-step");
    const [long, short] = [student("long"), student("short")];
    const differing = [...long].filter(
      ([name, { data }]) => Buffer.compare(bytes(data), bytes(short.get(name)!.data)) !== 0,
    );
    expect(differing.length).toBeGreaterThan(0);
    expect(differing.map(([name]) => name).filter((name) => !name.startsWith("classifier."))).toEqual([]);
  });

  test("contrastive learning moves all but the classifier", async () => {
    const alone = (epochs: number) =>
      quickConfig({
        config: "simclr",
        set: [...set, `contrastive.epochs=${epochs}`, "pretrain.epochs=0", "finetune.enabled=false", "logEvery=1"],
      });
    await runUntil(at("data"), at("first"), alone(0));
    await runUntil(at("data"), at("later"), alone(2));
    const [first, later] = [student("first"), student("later")];
    const moved = [...later].filter(
      ([name, { data }]) => Buffer.compare(bytes(data), bytes(first.get(name)!.data)) !== 0,
    );
    const names = moved.map(([name]) => name);
    expect(names.some((name) => name.startsWith("classifier."))).toBe(false);
    expect(names.filter((name) => name.endsWith(".weight"))).toHaveLength(
      [...later.keys()].filter((name) => name.endsWith(".weight") && !name.startsWith("classifier.")).length,
    );
  });

  test.each(["hrnet-small-v1", "ms-hrnet-small-v1"])(
    "a linear probe of %s leaves all but its classifier",
    async (model) => {
      const probe = (epochs: number) =>
        runUntil(
          at("data"),
          at(`${model}-${epochs}`),
          quickConfig({
            config: "simclr",
            set: [
              `model=${model}`,
              "contrastive.epochs=1",
              "contrastive.stepsPerEpoch=1",
              "contrastive.crops=one",
            ].concat("contrastive.probe=true", `pretrain.epochs=${epochs}`, "pretrain.maxSteps=2"),
          }),
        );
      await probe(0);
      await probe(1);
      const [before, after] = [student(`${model}-0`), student(`${model}-1`)];
      const moved = [...after].filter(
        ([name, { data }]) => Buffer.compare(bytes(data), bytes(before.get(name)!.data)) !== 0,
      );
      const own = [...after.keys()].filter((name) => /^classifier.*(weight|bias)$/.test(name));
      expect(moved.map(([name]) => name).sort()).toEqual(own.sort());
    },
  );

  test("refuses a batch of more images than there are", async () => {
    const many = quickConfig({ config: "simclr", set: ["model=vgg19", "batch=64"] });
    await expect(runUntil(at("data"), at("many"), many)).rejects.toThrow(
      /64 different images in a batch, L and U have \d+: use --set batch=/,
    );
    expect(existsSync(at("many"))).toBe(false);
  });

  test("has a report with its own loss, and no pseudo-labels", async () => {
    const html = await reportOf(folderSource(at("simclr")));
    expect(html).toContain("Contrastive learning");
    expect(html).toContain("This method has no pseudo-labels.");
  });
});

describe("fixmatch", () => {
  const set = ["method=fixmatch", "fixmatch.threshold=0.3", "pretrain.epochs=1", "finetune.maxSteps=2"];
  const config = quickConfig({
    set: [...set, "ema=0.5", "dropout=0.3", "train.studentWarmup=1", "train.studentLr=0.05"],
  });

  test("trains one network with balanced pseudo-labels, and ends bitwise the same however often it is stopped", async () => {
    const result = await runUntil(at("data"), at("fixmatch"), config);
    expect(result).toMatchObject({ teacher: null, finetuned: true });
    expect(result?.student.n).toBe(17);
    const epochs = metricsOf(at("fixmatch")).filter(({ kind }) => kind === "epoch");
    expect(epochs).toHaveLength(2);
    for (const { pseudoCounts, samplingWeights, maskMean, validation } of epochs) {
      expect((pseudoCounts as number[]).reduce((a, b) => a + b, 0)).toBe(37);
      const counts = pseudoCounts as number[];
      expect(samplingWeights).toEqual(counts.map((n) => (n === 0 ? 0 : 1 / n)));
      expect(maskMean).toBeGreaterThanOrEqual(0);
      expect(maskMean).toBeLessThanOrEqual(1);
      expect(validation).toBeDefined();
    }
    await expectResumes(at("data"), at("fixmatch"), config, 3 + 6 + 2);
  });

  test("runs without balancing and without pre-training, too", async () => {
    const plain = [...set, "meta.balance=false", "pretrain.epochs=0", "finetune.enabled=false", "fixmatch.weak=full"];
    expect(await runUntil(at("data"), at("plain"), quickConfig({ set: plain }))).toMatchObject({ finetuned: false });
    expect(new Set(kinds("plain"))).toEqual(new Set(["step", "epoch"]));
    const [epoch] = metricsOf(at("plain")).filter(({ kind }) => kind === "epoch");
    expect(new Set(epoch?.samplingWeights as number[])).toEqual(new Set([1 / 37]));
  });

  test("has a report that names the student as the one that labels", async () => {
    const html = await reportOf(folderSource(at("fixmatch")));
    expect(html).toContain("What the student believes is in the unlabelled part");
    expect(html).toContain("Training with pseudo-labels");
    expect(html).not.toContain("Feedback to the teacher");
    expect(html).not.toContain("Nothing is recorded of it.");
  });
});

function bytes(data: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
