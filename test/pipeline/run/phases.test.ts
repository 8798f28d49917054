import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Network } from "../../../models/index.js";
import type { Config } from "../../../pipeline/config/schema.js";
import type { Crop } from "../../../pipeline/data/source.js";
import type { Patch } from "../../../pipeline/data/types.js";
import { metaBatch, supervisedBatch } from "../../../pipeline/run/batches.js";
import { planEpoch } from "../../../pipeline/run/epochPlan.js";
import { FolderStore, makeRunFolders, runPaths } from "../../../pipeline/run/folder.js";
import { MetaPhase } from "../../../pipeline/run/metaPhase.js";
import { openData, openWorkspace } from "../../../pipeline/run/open.js";
import { phaseOptimizer } from "../../../pipeline/run/phase.js";
import { SupervisedPhase } from "../../../pipeline/run/supervisedPhase.js";
import { Trainer } from "../../../pipeline/run/trainer.js";
import type { SplitData, Workspace } from "../../../pipeline/run/workspace.js";
import { testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";
import { temporaryFolder, writeImages } from "./images.js";
import { tinyNet } from "./metaReference.js";
import { KeptLog, quickConfig } from "./support.js";

const folder = temporaryFolder();
afterAll(folder.remove);
beforeAll(() => {
  writeImages(join(folder.path, "data"));
});

/** Opens the images and a device for a configuration, and closes both after `use`. */
async function withRun<T>(config: Config, use: (ws: Workspace, data: SplitData) => Promise<T>): Promise<T> {
  const data = await openData(config, join(folder.path, "data"), new KeptLog());
  const { images, classes } = data.dataset;
  const ws = await openWorkspace(config, images, classes, { training: true });
  try {
    return await use(ws, data);
  } finally {
    await ws.close();
  }
}

describe("memory of a run", () => {
  test("is flat in both phases once they are warm, and all returned at the end", async () => {
    const config = quickConfig({ set: ["pretrain.epochs=4", "train.epochs=4", "finetune.epochs=3", "ema=0.9"] });
    await withRun(config, async (ws, data) => {
      const { device } = ws;
      const paths = runPaths(join(folder.path, "memory"));
      await makeRunFolders(paths);
      const before = device.memory.live;
      const seen = new Map<string, string[]>();
      const log = new KeptLog(({ label }) => {
        const { live, created } = device.memory;
        const { pipelines, bindGroups, paramBlocks } = device.counters;
        const row = JSON.stringify({ live, created, pipelines, bindGroups, paramBlocks });
        seen.set(label, [...(seen.get(label) ?? []), row]);
      });
      const trainer = new Trainer(
        ws,
        data,
        new FolderStore(paths),
        { log, yes: true, signal: new AbortController().signal },
        null,
      );
      await trainer.run();
      for (const [label, steps] of [
        ["pre-training the teacher", 12],
        ["training teacher and student", 12],
        ["fine-tuning the student", 9],
      ] as const) {
        const rows = seen.get(label) as string[];
        expect(rows, label).toHaveLength(steps);
        // The first two epochs meet every shape, evaluation and labelling included.
        expect(new Set(rows.slice(6)), label).toEqual(new Set([rows.at(-1)]));
      }
      trainer.release();
      expect(device.memory.live).toBe(before);
    });
  });
});

describe("supervised phase", () => {
  test("forgets its momentum where it is told to", async () => {
    const set = ["pretrain.rebuildOptimizerAt=50%", "pretrain.optimizer.weightDecay=0", "pretrain.lr=0.01"];
    await withRun(quickConfig({ set }), async (ws, data) => {
      const network = ws.network("teacher");
      const phase = new SupervisedPhase(ws, data, network, "pretrain", "pre-training", false);
      const [optimizer] = phase.optimizers;
      const steps: number[] = [];
      const fresh: boolean[] = [];
      for (let step = 0; step < 6; step++) {
        phase.run(step, await phase.load(step));
        steps.push(optimizer.steps);
        const [velocity, grads] = [
          await ws.device.read(optimizer.state[0]!),
          await ws.device.read(network.arena.grads),
        ];
        fresh.push(velocity.every((v, i) => v === grads[i]));
      }
      expect(steps).toEqual([1, 2, 3, 1, 2, 3]);
      expect(fresh).toEqual([true, false, false, true, false, false]);
    });
  });

  test("decays all parameters but those whose names say no", async () => {
    const device = await testDevice();
    const network = new Network(device, tinyNet, { classes: 4, seed: 3, label: "decay" });
    const before = await network.stateDict();
    device.clear(network.arena.grads);
    const { optimizer } = quickConfig({ recipe: "reference-code", set: ["train.optimizer.name=sgd"] }).train;
    expect(optimizer.noDecay).toEqual(["bn"]);
    const learner = phaseOptimizer(network, { ...optimizer, momentum: 0, weightDecay: 0.25 });
    learner.step(1);
    for (const [name, { data, dtype }] of await network.stateDict()) {
      if (dtype !== "F32" || name.includes("running")) continue;
      const old = before.get(name)!.data as Float32Array;
      const factor = name.includes("bn") ? 1 : 0.75;
      expectClose(
        data as Float32Array,
        old.map((value) => factor * value),
        { rtol: 1e-6 },
        name,
      );
      if (name.startsWith("conv")) expect(old.some((value) => value !== 0)).toBe(true);
    }
    learner.release();
    network.release();
  });
});

describe("teacher-student phase", () => {
  test("begins with two different networks, and averages the student's weights, not its statistics", async () => {
    await withRun(
      quickConfig({ set: ["train.schedule=constant", "train.studentWarmup=0", "ema=0.75"] }),
      async (ws, data) => {
        const [teacher, student, average] = [ws.network("teacher"), ws.network("student"), ws.network("student")];
        const read = (network: Network) => ws.device.read(network.arena.values);
        const random = await read(student);
        expect(await read(teacher)).not.toEqual(random);
        const phase = new MetaPhase(ws, data, teacher, student, average);
        expect(phase.evaluated).toBe(average);
        await phase.beginEpoch(0, { log: new KeptLog(), signal: new AbortController().signal }, null);
        let expected: number[] = [];
        for (let step = 0; step < 3; step++) {
          phase.run(step, await phase.load(step));
          const now = await read(student);
          expected = [...now].map((value, i) => (step === 0 ? value : 0.75 * expected[i]! + 0.25 * value));
          expectClose(await read(average), expected, { atol: 1e-7, rtol: 1e-6 }, `average after step ${step + 1}`);
          expect(await ws.device.read(average.buffers.all)).toEqual(await ws.device.read(student.buffers.all));
        }
        expect(await read(student)).not.toEqual(random);
        expect(await read(average)).not.toEqual(await read(student));
      },
    );
  });

  test("leaves the student alone while it waits", async () => {
    await withRun(quickConfig({ set: ["train.studentWait=2", "train.studentWarmup=0"] }), async (ws, data) => {
      const [teacher, student] = [ws.network("teacher"), ws.network("student")];
      const values = async () => [
        await ws.device.read(teacher.arena.values),
        await ws.device.read(student.arena.values),
      ];
      const phase = new MetaPhase(ws, data, teacher, student, null);
      await phase.beginEpoch(0, { log: new KeptLog(), signal: new AbortController().signal }, null);
      const moved: boolean[][] = [];
      let before = await values();
      for (let step = 0; step < 3; step++) {
        phase.run(step, await phase.load(step));
        const after = await values();
        moved.push(after.map((now, i) => now.some((value, k) => value !== before[i]![k])));
        before = after;
      }
      // The teacher moves from the start; the student's first rate after the wait is not 0.
      expect(moved).toEqual([
        [true, false],
        [true, false],
        [true, true],
      ]);
    });
  });
});

/** A workspace without device and files: batches and plans need its configuration and its loader only. */
function paperWorkspace(set: string[] = []) {
  const config = quickConfig({ set });
  const asked: { images: readonly number[]; epoch: number; stream: string }[] = [];
  const patch = (image: number, y: number, x: number): Patch => ({
    image,
    y,
    x,
    size: 2,
    pixels: Uint8Array.of(image, y, x, 0),
  });
  const loader = {
    drawBatch: async (images: readonly number[], epoch: number, stream: string) => {
      asked.push({ images, epoch, stream });
      return images.map((image, i) => patch(image, epoch, i));
    },
    cropBatch: async (crops: readonly Crop[]) => crops.map(({ image, y, x }) => patch(image, y, x)),
  };
  return { ws: { config, loader, classes: ["A", "B", "C"] } as unknown as Workspace, asked };
}

/** 12 labelled images, 10 of class A, and 1 each of B and C. */
const labels = Int32Array.from({ length: 12 }, (_, i) => Math.max(0, i - 9));
const paperData = { split: { L: [...labels.keys()] }, labels } as unknown as SplitData;

describe("batches of labelled patches", () => {
  const epochOf = async (balanced: boolean, epochs: number) => {
    const { ws, asked } = paperWorkspace();
    const drawn: number[] = [];
    for (let step = 0; step < 3 * epochs; step++) {
      const batch = await supervisedBatch(ws, paperData, { phase: "pretrain", step, stepsPerEpoch: 3, balanced });
      expect(batch.labels).toEqual(asked[step]!.images.map((i) => labels[i]));
      drawn.push(...asked[step]!.images);
    }
    return drawn;
  };

  test("are a permutation of L in every epoch, another one each time", async () => {
    const drawn = await epochOf(false, 2);
    const [first, second] = [drawn.slice(0, 12), drawn.slice(12)];
    for (const epoch of [first, second]) expect(epoch.toSorted((a, b) => a - b)).toEqual([...labels.keys()]);
    expect(second).not.toEqual(first);
  });

  test("or draw every class equally often", async () => {
    const drawn = await epochOf(true, 50);
    const counts = [0, 1, 2].map((c) => drawn.filter((i) => labels[i] === c).length);
    // 600 draws: 200 +- 11.5 of each class; five deviations.
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(58);
    expect(new Set(drawn).size).toBe(12);
  });
});

describe("the plan of an epoch", () => {
  const pseudo = Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 1);
  const crops = Array.from({ length: 10 }, (_, i) => ({ image: 20 + i, y: i, x: 2 * i }));
  const plan = (set: string[], draws: number, epoch = 0) =>
    planEpoch(paperWorkspace(set).ws, { crops, pseudo, sure: pseudo }, epoch, draws);
  const shares = (order: Int32Array) =>
    [0, 1, 2].map((c) => order.filter((i) => pseudo[i] === c).length / order.length);

  test("draws every predicted class equally often, and reports the others", () => {
    const { balance, order } = plan(["meta.minClassCount=1"], 4000);
    expect(balance.weights).toEqual([1 / 8, 1 / 2, 0]);
    expect(balance.neverPredicted).toEqual([2]);
    const [a, b, c] = shares(order) as [number, number, number];
    expect([Math.abs(a - 0.5) < 0.04, Math.abs(b - 0.5) < 0.04, c]).toEqual([true, true, 0]);
  });

  test("clamps rare classes, by a number or by a share of the patches", () => {
    for (const least of ["4", "40%"]) {
      const { balance, order } = plan([`meta.minClassCount=${least}`], 4000);
      expect(balance.weights).toEqual([1 / 8, 1 / 4, 0]);
      expect(Math.abs(shares(order)[1]! - 1 / 3)).toBeLessThan(0.04);
    }
  });

  test("is a permutation without balancing, filled up to whole batches", () => {
    const { balance, order } = plan(["meta.balance=false"], 12);
    expect(balance).toEqual({ counts: [8, 2, 0], weights: [0.1, 0.1, 0.1], neverPredicted: [] });
    expect([...order.subarray(0, 10)].toSorted((a, b) => a - b)).toEqual([...crops.keys()]);
    expect([...order.subarray(10)].every((i) => i >= 0 && i < 10)).toBe(true);
    expect(plan(["meta.balance=false"], 12, 1).order).not.toEqual(order);
    expect(plan(["meta.balance=false"], 12).order).toEqual(order);
  });

  test("gives both views of a patch the crop that the teacher labelled", async () => {
    const { ws } = paperWorkspace(["augment.labelled=flips"]);
    const epoch = plan([], 12);
    for (const step of [0, 2]) {
      const options = { phase: "train", step, stepsPerEpoch: 3, balanced: true } as const;
      const { pixels, source, views } = await metaBatch(ws, paperData, epoch, options);
      const picked = epoch.order.subarray(4 * step, 4 * step + 4);
      const rows = Array.from({ length: 8 }, (_, i) => [...pixels.subarray(4 * i, 4 * i + 3)]);
      expect(rows.slice(4)).toEqual([...picked].map((i) => [crops[i]!.image, crops[i]!.y, crops[i]!.x]));
      expect(source).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7]);
      const [l, uw, us] = [views.slice(0, 4), views.slice(4, 8), views.slice(8)];
      expect(us).not.toEqual(uw);
      for (const view of l) expect(view).toMatchObject({ degrees: 0, brightness: 1, contrast: 1, blurSigma: 0 });
    }
  });
});
