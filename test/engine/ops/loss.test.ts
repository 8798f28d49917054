import { describe, expect, it } from "vitest";
import { type CrossEntropyOptions, pseudoLabels, softmaxCrossEntropy, type Tape } from "../../../engine/index.js";
import * as twins from "../../reference/index.js";
import { checkOp, ndTensor, normals, PoisonedTape, randomNd, readChecked, runOp } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";

/** The op on the GPU from the twin's parameters. */
function lossOp(params: twins.CrossEntropyParams, n: number) {
  return (tape: Tape, [logits]: Parameters<Parameters<typeof runOp>[1]>[1]) => {
    const options: { -readonly [K in keyof CrossEntropyOptions]: CrossEntropyOptions[K] } = {};
    if (params.mask) options.mask = ndTensor(tape, twins.nd([n], params.mask), "mask");
    if (params.weight !== undefined) options.weight = ndTensor(tape, twins.nd([1], [params.weight]), "weight");
    if (params.targets)
      return softmaxCrossEntropy(tape, logits!, { soft: ndTensor(tape, params.targets, "soft") }, options);
    const labels = tape.tensor([n], "labels", "u32");
    tape.device.write(labels, params.labels!);
    return softmaxCrossEntropy(tape, logits!, { labels }, options);
  };
}

const random = normals(42);
const soft = (n: number, classes: number) =>
  twins.map(twins.softmax.forward([randomNd([n, classes], random)], {}), Math.fround);
const labels = (n: number, classes: number) => Array.from({ length: n }, (_, k) => (k * 7 + 2) % classes);
const mask = (n: number) => Array.from({ length: n }, (_, k) => Number(k % 3 !== 1));

interface Case {
  name: string;
  shape: [n: number, classes: number];
  params: twins.CrossEntropyParams;
}

const cases: Case[] = [2, 3, 4, 10].flatMap((classes): Case[] => {
  const n = classes + 2;
  const shape: [number, number] = [n, classes];
  return [
    { name: "hard", shape, params: { labels: labels(n, classes) } },
    { name: "soft", shape, params: { targets: soft(n, classes) } },
    { name: "hard, masked, weighted", shape, params: { labels: labels(n, classes), mask: mask(n), weight: 2.5 } },
    { name: "soft, masked, weighted", shape, params: { targets: soft(n, classes), mask: mask(n), weight: -0.75 } },
    { name: "soft, weight 0", shape, params: { targets: soft(n, classes), weight: 0 } },
    { name: "all masked", shape, params: { targets: soft(n, classes), mask: new Array(n).fill(0) } },
    { name: "batch of one", shape: [1, classes], params: { labels: [classes - 1], mask: [1] } },
  ];
});

describe.each(deviceVariants.filter(([name]) => name !== "portable kernels"))("cross-entropy, %s", (_, options) => {
  it.each(cases)("$name $shape", async ({ shape, params }) => {
    await checkOp(await testDevice(options), {
      op: lossOp(params, shape[0]),
      twin: twins.softmaxCrossEntropy,
      params,
      inputs: [shape],
    });
  });

  it("takes soft targets that do not sum to 1, and a batch of several workgroups", async () => {
    const params = { targets: twins.map(soft(150, 3), (v, k) => Math.fround(v * (1 + (k % 5)))), mask: mask(150) };
    await checkOp(await testDevice(options), {
      op: lossOp(params, 150),
      twin: twins.softmaxCrossEntropy,
      params,
      inputs: [[150, 3]],
    });
  });
});

describe("cross-entropy", () => {
  it.each([1e2, 1e4, 1e30])("is exact for logits of size %f", async (size) => {
    const logits = twins.map(randomNd([6, 10], random), (v) => Math.fround(v * size));
    for (const params of [{ labels: labels(6, 10) }, { targets: soft(6, 10) }]) {
      await checkOp(await testDevice(), {
        op: lossOp(params, 6),
        twin: twins.softmaxCrossEntropy,
        params,
        inputs: [logits],
        forward: { rtol: 1e-6 },
        differences: false,
      });
    }
  });

  it("keeps a small loss precise beside large logits", async () => {
    // log(1 + e^-8) = 3.4e-4: added to 1e4 it would vanish.
    const params = { labels: [0, 1] };
    await checkOp(await testDevice(), {
      op: lossOp(params, 2),
      twin: twins.softmaxCrossEntropy,
      params,
      inputs: [twins.nd([2, 2], [10_000, 9_992, -5_008, -5_000])],
      forward: { atol: 0, rtol: 1e-3 },
      differences: false,
    });
  });

  it("ignores what a mask hides, be it infinite or NaN", async () => {
    const logits = twins.nd([3, 3], [Number.POSITIVE_INFINITY, 1, 2, 0.5, 1, -1, Number.NaN, 1, 2]);
    const device = await testDevice();
    const result = async (params: twins.CrossEntropyParams) =>
      runOp(device, lossOp(params, 3), [logits], twins.nd([1], [1]));
    const hidden = await result({ labels: [0, 1, 2], mask: [0, 0, 0] });
    expect([...hidden.output]).toEqual([0]);
    expect(new Set(hidden.gradients[0])).toEqual(new Set([0]));
    const one = await result({ labels: [0, 1, 2], mask: [0, 1, 0] });
    const alone = twins.softmaxCrossEntropy.forward([twins.nd([1, 3], [0.5, 1, -1])], { labels: [1] });
    expectClose(one.output, [alone.data[0]! / 3], { rtol: 1e-5 }, "loss of the one that counts");
    expect(one.gradients[0]?.every(Number.isFinite)).toBe(true);
  });

  it("refuses what does not fit, naming the shapes", async () => {
    const tape = new PoisonedTape(await testDevice());
    const logits = tape.tensor([4, 3], "logits");
    const tensor = (shape: number[]) => tape.tensor(shape, "t");
    const labelled = { labels: tape.tensor([4], "labels", "u32") };
    expect(() => softmaxCrossEntropy(tape, logits, { labels: tensor([4]) })).toThrow("labels [4] f32 must be u32 [4]");
    expect(() => softmaxCrossEntropy(tape, logits, { soft: tensor([4, 4]) })).toThrow(
      "soft targets [4,4] do not fit logits [4,3]",
    );
    expect(() => softmaxCrossEntropy(tape, logits, labelled, { mask: tensor([3]) })).toThrow("mask [3] must be [4]");
    expect(() => softmaxCrossEntropy(tape, tensor([4, 1]), labelled)).toThrow("logits [4,1] must be [N,classes]");
    tape.dispose();
  });
});

describe("pseudo-labels", () => {
  it.each([
    { n: 1, classes: 3, temperature: 1, threshold: 0 },
    { n: 5, classes: 3, temperature: 0.7, threshold: 0.6 },
    { n: 18, classes: 10, temperature: 2, threshold: 0.2 },
    { n: 7, classes: 4, temperature: 1, threshold: 0.99 },
  ])(
    "$n x $classes, temperature $temperature, threshold $threshold",
    async ({ n, classes, temperature, threshold }) => {
      const device = await testDevice();
      const tape = new PoisonedTape(device);
      const logits = randomNd([n, classes], normals(n));
      const got = pseudoLabels(tape, ndTensor(tape, logits, "logits"), { temperature, threshold });
      const probabilities = twins.softmax.forward([logits], { temperature });
      const best = twins.argmax(logits);
      expectClose(await readChecked(device, got.soft, "soft"), probabilities.data, { atol: 1e-6 }, "soft");
      expect([...(await readChecked(device, got.label, "label"))]).toEqual(best);
      const certain = best.map((label, k) => Number(probabilities.data[k * classes + label]! >= threshold));
      expect([...(await readChecked(device, got.mask, "mask"))]).toEqual(certain);
      tape.dispose();
    },
  );

  it("takes the first of equal classes and survives large logits", async () => {
    const device = await testDevice();
    const tape = new PoisonedTape(device);
    const logits = twins.nd([3, 3], [1, 3, 3, 2, 2, 2, -1e4, 1e4, 0]);
    const { soft, label, mask } = pseudoLabels(tape, ndTensor(tape, logits, "logits"), { threshold: 0.9 });
    expect([...(await device.read(label))]).toEqual([1, 0, 1]);
    expect([...(await device.read(mask))]).toEqual([0, 0, 1]);
    const expected = twins.softmax.forward([logits], {}).data;
    expectClose(await device.read(soft), expected, { atol: 1e-6 }, "soft");
    tape.dispose();
  });
});
