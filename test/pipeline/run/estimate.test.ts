import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Device } from "../../../engine/index.js";
import { TimeEstimate } from "../../../pipeline/run/estimate.js";
import { checkMemory, estimateMemory } from "../../../pipeline/run/limits.js";
import type { Phase } from "../../../pipeline/run/phase.js";
import type { PhaseName } from "../../../pipeline/run/types.js";
import type { SplitData } from "../../../pipeline/run/workspace.js";
import { KeptLog, quickConfig } from "./support.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const mebi = 2 ** 20;
const device = { sync: async () => {}, limits: { maxStorageBufferBindingSize: 128 * mebi } } as unknown as Device;

/** 20 labelled and 90 unlabelled images: at batch 4, 5 steps of an epoch over L and 23 over U. */
const data = { split: { L: new Array(20).fill(0), U: new Array(90).fill(0) } } as unknown as SplitData;

function phase(name: PhaseName, stepsPerEpoch: number): Phase {
  return { name, title: name, length: { stepsPerEpoch, totalSteps: 0 } } as unknown as Phase;
}

/** What is said and asked when every step of the phases takes `seconds`. */
async function estimate(
  steps: [Phase, seconds: number][],
  options: { set?: string[]; yes?: boolean; answer?: boolean; done?: number } = {},
): Promise<KeptLog> {
  const log = new KeptLog();
  const asks = vi.spyOn(log, "confirm");
  asks.mockImplementation(async (question) => {
    log.questions.push(question);
    return options.answer ?? true;
  });
  const config = quickConfig({ set: ["train.stepsPerEpoch=null", "finetune.epochs=2", ...(options.set ?? [])] });
  const time = new TimeEstimate(config, data, { log, yes: options.yes ?? false });
  for (const [phase, seconds] of steps) {
    for (let step = 0; step < 8; step++) {
      // The first steps compile, and do not count.
      vi.advanceTimersByTime(step < 2 ? 60_000 : seconds * 1000);
      await time.afterStep(phase, (options.done ?? 0) + step + 1, device);
    }
  }
  return log;
}

describe("the time of a run", () => {
  test("is measured on the first steps of each phase, compilation left out", async () => {
    const { infos, questions } = await estimate([
      [phase("pretrain", 5), 0.3],
      [phase("train", 23), 2],
      [phase("finetune", 5), 0.5],
    ]);
    // Passes of a batch: 3 in each of 10 + 10 supervised steps, 16 in each of 46 meta steps; 0.1 s a pass.
    const expected = [
      ["pretrain: 1.5 s per epoch", 0.1 * (20 * 3 + 46 * 16)],
      ["train: 46 s per epoch", (2 / 16) * (10 * 3 + 46 * 16)],
      ["finetune: 2.5 s per epoch", 0.5 * 10],
    ] as const;
    expect(infos).toHaveLength(3);
    for (const [i, [start, seconds]] of expected.entries()) {
      const total = seconds < 90 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : `${Math.round(seconds / 60)} min`;
      expect(infos[i]).toContain(`${start}; about ${total} in all (about `);
    }
    expect(questions).toEqual([]);
  });

  test("comes with the memory against the adapter's limit", async () => {
    const { infos } = await estimate([[phase("pretrain", 5), 1]]);
    expect(infos[0]).toMatch(/\(about [\d.]+ MiB of activations, largest tensor [\d.]+ MiB of 128 MiB\)$/);
  });
});

describe("a run of more than 24 hours", () => {
  const long: [Phase, number][] = [
    [phase("pretrain", 5), 400],
    [phase("train", 23), 3000],
  ];

  test("is asked about once, and goes on after a yes", async () => {
    const { questions } = await estimate(long);
    expect(questions).toEqual(["This run will take about 29.5 h. Go on?"]);
  });

  test("that is resumed is asked about by what is left", async () => {
    const few: [Phase, number][] = [[phase("train", 23), 3000]];
    // 46 steps and then 10 supervised ones; of the first, 20 are done.
    expect((await estimate(few, { done: 20 })).questions).toEqual([]);
    const { infos, questions } = await estimate(few, { done: 3 });
    expect(infos[0]).toContain(`about ${((43 * 3000 + (10 * 3 * 3000) / 16) / 3600).toFixed(1)} h left (`);
    expect(questions).toEqual(["The rest of this run will take about 37.4 h. Go on?"]);
  });

  test("stops after a no", async () => {
    await expect(estimate(long, { answer: false })).rejects.toThrow(
      "stopped before a long run: use a smaller --preset, fewer epochs (--set train.epochs=...), or --yes",
    );
  });

  test("is not asked about with --yes, nor below 24 hours", async () => {
    expect((await estimate(long, { yes: true })).questions).toEqual([]);
    expect((await estimate([[phase("pretrain", 5), 100]])).questions).toEqual([]);
  });

  test("counts all phases of a supervised run, and no others", async () => {
    const { infos } = await estimate([[phase("pretrain", 5), 600]], { set: ["method=supervised"] });
    expect(infos[0]).toContain("50 min per epoch; about 3.3 h in all");
  });

  test("of FixMatch counts a step on U as three forward and backward passes", async () => {
    const { infos } = await estimate([[phase("train", 23), 90]], { set: ["method=fixmatch"] });
    // 46 of these, then 10 supervised ones, a third as long.
    expect(infos[0]).toContain(`about ${(46 * 90 + (10 * 90) / 3) / 60} min left`);
  });

  test("of SimCLR counts contrastive steps as two forward and backward passes, over L and U", async () => {
    const set = ["method=simclr", "contrastive.epochs=3"];
    const { infos } = await estimate([[phase("contrastive", 28), 60]], { set });
    // 3 epochs of ceil(110 / 4) steps, then 10 + 10 supervised ones, each half as long.
    expect(infos[0]).toContain(`28 min per epoch; about ${((3 * 28 + 20 / 2) / 60).toFixed(1)} h in all`);
    const probe = await estimate([[phase("contrastive", 28), 60]], { set: [...set, "contrastive.probe=true"] });
    expect(probe.infos[0]).toContain(`about ${Math.round(3 * 28 + 10 / 2)} min in all`);
  });

  test("of SimTriplet counts three passes, and of Contrastive Clustering no training on L but fine-tuning", async () => {
    const set = (method: string) => ({ set: [`method=${method}`, "contrastive.epochs=3"] });
    const [triplet, clustering] = [
      await estimate([[phase("contrastive", 28), 60]], set("simtriplet")),
      await estimate([[phase("contrastive", 28), 60]], set("contrastive-clustering")),
    ];
    // 10 + 10 supervised steps, each a third as long; 10, each half as long.
    expect(triplet.infos[0]).toContain(`about ${((3 * 28 + 20 / 3) / 60).toFixed(1)} h in all`);
    expect(clustering.infos[0]).toContain(`about ${Math.round(3 * 28 + 10 / 2)} min in all`);
  });
});

describe("memory", () => {
  test("the largest tensor is the first layer's: 64 * width channels of every pixel of a teacher's pass", () => {
    for (const [set, bytes] of [
      [["width=1", "batch=32", "patch.size=128"], 3 * 32 * 128 * 128 * 64 * 4],
      [["width=0.125", "batch=16", "method=supervised"], 16 * 64 * 64 * 8 * 4],
      [["width=0.125", "batch=16", "method=simclr"], 2 * 16 * 64 * 64 * 8 * 4],
      [["width=0.125", "batch=16", "method=contrastive-clustering"], 2 * 16 * 64 * 64 * 8 * 4],
      [["width=0.125", "batch=16", "method=simtriplet"], 3 * 16 * 64 * 64 * 8 * 4],
      [["width=0.125", "batch=16", "method=fixmatch"], 3 * 16 * 64 * 64 * 8 * 4],
      [["width=0.5", "batch=8", "model=ms-vgg19", "patch.size=224"], 3 * 8 * 224 * 224 * 32 * 4],
    ] as const) {
      expect(estimateMemory(quickConfig({ set: [...set] })).largest, set.join(" ")).toBe(bytes);
    }
  });

  test("the full size at batch 32 does not fit 128 MiB: 10 does, 11 does not", () => {
    const full = (batch: number) =>
      quickConfig({ preset: "full", set: ["width=1", "patch.size=128", `batch=${batch}`] });
    expect(() => checkMemory(full(32), 128 * mebi, 4)).toThrow(
      "batch is 32: vgg19 at 128 px, width 1 and 4 classes needs a tensor of 384 MiB (96 patches in one pass), " +
        "this adapter binds at most 128 MiB: use --set batch=10 or less, or a smaller patch or width",
    );
    expect(() => checkMemory(full(11), 128 * mebi, 4)).toThrow("use --set batch=10 or less");
    expect(() => checkMemory(full(10), 128 * mebi, 4)).not.toThrow();
  });

  test("where not even two patches fit, a smaller patch or width is the advice", () => {
    const config = quickConfig({ set: ["width=1", "patch.size=512", "batch=4"] });
    expect(() => checkMemory(config, 128 * mebi, 4)).toThrow(/use a smaller patch \(patch\.size\) or width$/);
  });
});
