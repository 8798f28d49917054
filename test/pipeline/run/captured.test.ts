import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Config } from "../../../pipeline/config/schema.js";
import { FolderStore, makeRunFolders, runPaths } from "../../../pipeline/run/folder.js";
import { MetaPhase } from "../../../pipeline/run/metaPhase.js";
import { openData, openWorkspace } from "../../../pipeline/run/open.js";
import type { Phase } from "../../../pipeline/run/phase.js";
import { SupervisedPhase } from "../../../pipeline/run/supervisedPhase.js";
import { Trainer } from "../../../pipeline/run/trainer.js";
import type { SplitData, Workspace } from "../../../pipeline/run/workspace.js";
import { temporaryFolder, writeImages } from "./images.js";
import { KeptLog, metricsOf, quickConfig } from "./support.js";

const folder = temporaryFolder();
const data = join(folder.path, "data");
afterAll(folder.remove);
beforeAll(() => writeImages(data));
afterEach(() => {
  delete process.env.EQUIPOISE_NO_CAPTURE;
});

async function withRun<T>(config: Config, eager: boolean, use: (ws: Workspace, data: SplitData) => Promise<T>) {
  if (eager) process.env.EQUIPOISE_NO_CAPTURE = "1";
  else delete process.env.EQUIPOISE_NO_CAPTURE;
  const split = await openData(config, data, new KeptLog());
  const ws = await openWorkspace(config, split.dataset.images, split.dataset.classes, { training: true });
  expect(ws.device.captures).toBe(!eager);
  try {
    return await use(ws, split);
  } finally {
    await ws.close();
  }
}

const context = () => ({ log: new KeptLog(), signal: new AbortController().signal });

/** Options whose host values change from step to step: dropout, ramp, rates, Adam's corrections, views. */
const settings = {
  "SGD, one scale, an average": ["ema=0.9", "dropout=0.3", "train.studentWarmup=2"],
  "Adam, two scales, the student without an update as well": [
    "model=ms-vgg19",
    "pretrain.optimizer.name=adam",
    "train.optimizer.name=adam",
    "meta.feedbackBn=same",
    "meta.extraStudentForward=true",
    "meta.feedbackBaseline=0.8",
    "memory.recompute=true",
  ],
};

describe.each(Object.entries(settings))("captured steps, %s,", (name, set) => {
  test("train both networks bitwise as eager ones do", async () => {
    const outcome = (eager: boolean) =>
      withRun(quickConfig({ set: [...set, "finetune.epochs=2"] }), eager, async (ws, split) => {
        const paths = runPaths(join(folder.path, `${name} ${eager}`));
        await makeRunFolders(paths);
        const trainer = new Trainer(ws, split, new FolderStore(paths), { ...context(), yes: true }, null);
        await trainer.run();
        const networks = [trainer.student, trainer.teacher!];
        const weights = await Promise.all(
          networks.flatMap(({ arena, buffers }) => [ws.device.read(arena.values), ws.device.read(buffers.all)]),
        );
        const tracked = networks.map(({ batchesTracked }) => Object.fromEntries(batchesTracked));
        trainer.release();
        return { weights, tracked, metrics: metricsOf(paths.root), best: trainer.bestEpoch };
      });
    const [captured, eager] = [await outcome(false), await outcome(true)];
    expect(captured).toEqual(eager);
    expect(captured.weights.every((values) => values.every(Number.isFinite))).toBe(true);
    // The teacher: 6 steps of pre-training and 6 with the student.
    expect(new Set(Object.values(captured.tracked[1]!))).toEqual(new Set([12]));
  });
});

/** Runs `steps` steps and gives the calls to the GPU's queue and the objects made in each. */
async function countSteps(ws: Workspace, phase: Phase, steps: number): Promise<Record<string, number>[]> {
  const { device } = ws;
  const { gpu } = device;
  const rows: Record<string, number>[] = [];
  const watch = (target: object, names: readonly string[]) => {
    for (const name of names) {
      const original = (target as Record<string, (...args: unknown[]) => unknown>)[name]!;
      const counted = (...args: unknown[]) => {
        const row = rows.at(-1);
        if (row) row[name] = (row[name] ?? 0) + 1;
        return original.apply(target, args);
      };
      Object.defineProperty(target, name, { value: counted, configurable: true });
    }
  };
  watch(gpu, ["createBuffer", "createBindGroup", "createShaderModule", "createComputePipeline", "createQuerySet"]);
  watch(gpu, ["createComputePipelineAsync", "createBindGroupLayout", "createPipelineLayout", "createTexture"]);
  watch(gpu.queue, ["submit", "writeBuffer", "onSubmittedWorkDone"]);
  for (let step = 0; step < steps; step++) {
    const batch = await phase.load(step);
    device.write(ws.dropout.state, [1, step]);
    rows.push({});
    phase.run(step, batch);
    device.flush();
  }
  return rows;
}

describe("from its second step on", () => {
  /** All values of the host go together, but for patches of more than 16 kB; and one submission. */
  const few = (writes: number) => ({ writeBuffer: writes, submit: 1 });

  test("a supervised step makes nothing", async () => {
    await withRun(quickConfig(), false, async (ws, split) => {
      const phase = new SupervisedPhase(ws, split, ws.network("teacher"), "pretrain", "pre-training", false);
      await phase.prepare(context());
      const [first, ...others] = await countSteps(ws, phase, 6);
      expect(first!.createBindGroup).toBeGreaterThan(50);
      expect(first!.createComputePipeline).toBeUndefined();
      expect(others).toEqual(Array(5).fill(few(1)));
      phase.release();
      expect(ws.device.memory.captured).toBe(0);
    });
  });

  test("a meta step makes nothing, its moving average included", async () => {
    await withRun(quickConfig({ set: ["ema=0.9"] }), false, async (ws, split) => {
      const [teacher, student, average] = [ws.network("teacher"), ws.network("student"), ws.network("student")];
      const phase = new MetaPhase(ws, split, teacher, student, average);
      const progress: string[] = [];
      const log = new KeptLog(({ label, done, total }) => progress.push(`${label} ${done} of ${total}`));
      await phase.prepare({ ...context(), log });
      const { pipelines } = ws.device.counters;
      expect(progress.at(-1)).toBe(`compiling kernels ${pipelines} of ${pipelines}`);
      expect(progress).toHaveLength(pipelines);
      await phase.beginEpoch(0, context(), null);
      const [, ...others] = await countSteps(ws, phase, 6);
      // Labelling the epoch, the step and the average needed no kernel beyond those that were compiled.
      expect(ws.device.counters.pipelines).toBe(pipelines);
      expect(others).toEqual(Array(5).fill(few(2)));
      phase.release();
      expect(ws.device.memory.captured).toBe(0);
    });
  });
});

test("epochs report the host's share of their steps", async () => {
  await withRun(quickConfig(), false, async (ws, split) => {
    const paths = runPaths(join(folder.path, "share"));
    await makeRunFolders(paths);
    const trainer = new Trainer(ws, split, new FolderStore(paths), { ...context(), yes: true }, null);
    await trainer.run();
    trainer.release();
    const lines = readFileSync(paths.metrics, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const epochs = lines.filter(({ kind }) => kind.endsWith("epoch"));
    expect(epochs).toHaveLength(5);
    for (const { hostShare } of epochs) {
      expect(hostShare).toBeGreaterThan(0);
      expect(hostShare).toBeLessThan(1);
    }
  });
});
