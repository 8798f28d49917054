import { describe, expect, test } from "vitest";
import { createOptimizer, softmaxCrossEntropy, Tape } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import { createNetwork, summarizeModel } from "../../models/index.js";
import { trainingMemory } from "../../pipeline/summary/memory.js";
import { readFixture } from "../support/oracle.js";

/** Counts of the authors' networks in PyTorch (`macs.json`); multiply-adds of convolutions and linear layers. */
const counts = JSON.parse(readFixture("oracle/macs.json").toString());

const cases = Object.entries(counts as Record<string, { input: number[][] }>).flatMap(([name, { input }]) => {
  // Counted by the reference, but none of the method's networks.
  if (name.includes("small_v2")) return [];
  const multi = name.includes("_ms");
  const family = name.startsWith("vgg") ? "vgg19" : name.includes("w18") ? "hrnet-w18" : "hrnet-small-v1";
  const featureSize = name.includes("out512") ? 512 : 128;
  return [{ name, model: multi ? `ms-${family}` : family, input: input[0]![1]!, featureSize }];
});

test.each(cases)("$name: parameters and multiply-adds to the digit", ({ name, model, input, featureSize }) => {
  const { parameters, trainable, macs, layers } = summarizeModel({ model, width: 1, input, featureSize, classes: 4 });
  const expected = counts[name];
  expect([parameters, trainable, macs]).toEqual([expected.params, expected.params_with_grad, expected.total_macs]);
  const convolutions = layers.filter(({ kind }) => kind === "conv");
  expect(convolutions).toHaveLength(expected.conv_calls);
  const inLayers = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  expect(inLayers).toBe(trainable);
});

test("the compact VGG at width 1/8 has the size that its comment states", () => {
  const { parameters, layers } = summarizeModel({ model: "vgg-compact", width: 0.125, input: 32, classes: 4 });
  expect(parameters).toBe(117_700);
  expect(layers.at(-1)).toMatchObject({ kind: "linear", input: [1, 384], output: [1, 4] });
});

test("a layer's shapes, parameters and multiply-adds", () => {
  const { layers } = summarizeModel({ model: "hrnet-w18", width: 1, input: 64, classes: 4, batch: 2 });
  const layer = layers.find(({ name }) => name === "transition1.1.0.0");
  expect(layer).toEqual({
    name: "transition1.1.0.0",
    kind: "conv",
    input: [2, 16, 16, 256],
    output: [2, 8, 8, 36],
    kernel: 3,
    stride: 2,
    parameters: 256 * 36 * 9,
    macs: 2 * 8 * 8 * 9 * 256 * 36,
    bytes: 2 * 8 * 8 * 36 * 4,
  });
  // 18 channels take 20 in memory.
  expect(layers.find(({ name }) => name === "transition1.0.0")?.bytes).toBe(2 * 16 * 16 * 20 * 4);
});

describe("the memory estimate is near what a training step takes", () => {
  test.each([
    ["hrnet-small-v1", 64, 8, false],
    ["ms-hrnet-small-v1", 128, 6, false],
    ["vgg19", 64, 12, false],
    ["hrnet-small-v1", 64, 8, true],
    ["vgg19", 64, 12, true],
  ])("%s at %i px, batch %i, recomputing: %s", async (model, input, batch, recompute) => {
    const options = { model, width: 0.25, input, classes: 4 };
    const device = await openNodeDevice();
    const network = createNetwork(device, { ...options, seed: 1, label: model });
    const optimizer = createOptimizer(network.arena, { name: "sgd", momentum: 0.9 }, () => ({
      rateFactor: 1,
      weightDecay: 0,
    }));
    const labels = device.zeros([batch], "labels", "u32");
    for (let step = 0; step < 2; step++) {
      const tape = new Tape(device, true, { recompute });
      const image = (side: number) => device.zeros([batch, side, side, 1], "image");
      const [x, x2] = [image(input), model.startsWith("ms-") ? image(input / 2) : null];
      const { logits } = network.forward(tape, { x, x2 }, { training: true });
      tape.backward([softmaxCrossEntropy(tape, logits, { labels })]);
      optimizer.step(0.01);
      tape.dispose();
    }
    await device.sync();
    const { total } = trainingMemory(summarizeModel(options), batch, { method: "supervised", recompute });
    const ratio = device.memory.peak / total;
    device.close();
    expect(ratio, `peak ${device.memory.peak}, estimate ${total}`).toBeGreaterThan(0.75);
    expect(ratio, `peak ${device.memory.peak}, estimate ${total}`).toBeLessThan(1.2);
  });
});
