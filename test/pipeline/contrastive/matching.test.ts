import { describe, expect, it } from "vitest";
import { Rng, ShapeError, softmaxCrossEntropy, Tape } from "../../../engine/index.js";
import { createNetwork } from "../../../models/index.js";
import { matchClusters, moved, reorderOutputs } from "../../../pipeline/contrastive/matching.js";
import { phaseOptimizer } from "../../../pipeline/run/phase.js";
import { normals, randomNd } from "../../support/checkOp.js";
import { testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";
import { quickConfig } from "../run/support.js";

function permutations(of: readonly number[]): number[][] {
  if (of.length < 2) return [[...of]];
  return of.flatMap((first) => permutations(of.filter((other) => other !== first)).map((rest) => [first, ...rest]));
}

/** What a matching is worth: mean recall (times the number of classes), or right images. */
function worth(confusion: number[][], order: readonly number[], by: "recall" | "count"): number {
  return confusion.reduce((sum, row, c) => {
    const images = row.reduce((a, b) => a + b, 0);
    const right = row[order[c]!]!;
    return sum + (by === "count" ? right : images > 0 ? right / images : 0);
  }, 0);
}

describe("matching of clusters and classes", () => {
  it.each(["recall", "count"] as const)("is the best of all matchings by %s", (by) => {
    const rng = new Rng(4, "confusions");
    for (let i = 0; i < 60; i++) {
      const k = 2 + rng.int(4);
      // A few zeros, and classes of very different sizes.
      const confusion = Array.from({ length: k }, (_, c) =>
        Array.from({ length: k }, () => (rng.uniform() < 0.3 ? 0 : rng.int(3 + 20 * c))),
      );
      const order = matchClusters(confusion, by);
      expect([...order].sort()).toEqual(Array.from({ length: k }, (_, c) => c));
      const best = Math.max(...permutations(order).map((other) => worth(confusion, other, by)));
      expect(worth(confusion, order, by)).toBeCloseTo(best, 8);
    }
  });

  it("gives a rare class its cluster by recall, and a common class both by count", () => {
    // All 4 images of the rare class, and 60 of the common one's 100, are in cluster 0.
    const confusion = [
      [4, 0],
      [60, 40],
    ];
    expect(matchClusters(confusion, "recall")).toEqual([0, 1]);
    expect(matchClusters(confusion, "count")).toEqual([1, 0]);
  });

  it("leaves what is left over to empty clusters and to classes without images, and moves nothing without need", () => {
    const empty = [
      [0, 0, 7],
      [0, 0, 0],
      [5, 0, 2],
    ];
    expect(matchClusters(empty, "recall")).toEqual([2, 1, 0]);
    expect(
      matchClusters(
        [...empty].map((row) => row.map(() => 0)),
        "recall",
      ),
    ).toEqual([0, 1, 2]);
    expect(
      matchClusters(
        empty.map((row) => row.map(() => 3)),
        "count",
      ),
    ).toEqual([0, 1, 2]);
    expect([moved([0, 1, 2]), moved([2, 1, 0])]).toEqual([0, 2]);
  });
});

describe.each(["vgg-compact", "ms-vgg19", "hrnet-small-v1", "ms-hrnet-small-v1"])("outputs of %s", (model) => {
  it("change places with all that the optimiser knows of them", async () => {
    const device = await testDevice();
    const input = { "vgg-compact": 32, "ms-vgg19": 128, "ms-hrnet-small-v1": 64 }[model] ?? 32;
    const multi = model.startsWith("ms-");
    const values = (side: number) => randomNd([4, side, side, 1], normals(side)).data;
    const x = device.fromValues(values(input), [4, input, input, 1], "x");
    const x2 = multi ? device.fromValues(values(input / 2), [4, input / 2, input / 2, 1], "x2") : null;
    const make = () => {
      const network = createNetwork(device, { model, width: 0.0625, input, classes: 5, seed: 2, label: "student" });
      return { network, optimizer: phaseOptimizer(network, quickConfig().pretrain.optimizer) };
    };
    type Made = ReturnType<typeof make>;
    /** One update on labels; gives the logits before it. */
    const update = async ({ network, optimizer }: Made, classes: readonly number[]) => {
      const labels = device.fromValues(classes, [4], "labels", "u32");
      const tape = new Tape(device);
      const { logits } = network.forward(tape, { x, x2 }, { training: true });
      const found = await device.read(logits);
      tape.backward([softmaxCrossEntropy(tape, logits, { labels })]);
      optimizer.step(0.02);
      tape.dispose();
      device.release(labels);
      return found;
    };
    const order = [3, 0, 1, 4, 2];
    const [plain, other] = [make(), make()];
    const labels = [0, 3, 4, 1];
    await update(plain, labels);
    await update(other, labels);
    await reorderOutputs(other.network, other.optimizer, order);
    // Class c of the other network is class order[c] of the plain one: in the second update momentum counts. Deep networks amplify rounding.
    for (let i = 0; i < 2; i++) {
      const [before, after] = [
        await update(plain, labels),
        await update(
          other,
          labels.map((label) => order.indexOf(label)),
        ),
      ];
      const expected = after.map((_, at) => before[at - (at % 5) + order[at % 5]!]!);
      expectClose(after, expected, { atol: 2e-3, rtol: 2e-3 }, `logits after ${i} updates`);
      if (i === 0) expect(after).toEqual(expected);
    }
    for (const { network, optimizer } of [plain, other]) for (const one of [network, optimizer]) one.release();
    for (const tensor of [x, x2]) if (tensor) device.release(tensor);
  });
});

it("an order that is none is refused", async () => {
  const device = await testDevice();
  const network = createNetwork(device, {
    model: "vgg-compact",
    width: 0.0625,
    input: 32,
    classes: 3,
    seed: 2,
    label: "x",
  });
  const optimizer = phaseOptimizer(network, quickConfig().pretrain.optimizer);
  for (const order of [
    [0, 1],
    [0, 1, 1],
    [0, 1, 3],
  ])
    await expect(reorderOutputs(network, optimizer, order)).rejects.toThrow(ShapeError);
  network.release();
  optimizer.release();
});
