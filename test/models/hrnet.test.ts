import { describe, expect, test } from "vitest";
import { createOptimizer, softmaxCrossEntropy, Tape, type Tensor } from "../../engine/index.js";
import { createNetwork, type Network, summarizeModel, toFloat32 } from "../../models/index.js";
import { testDevice } from "../support/device.js";

const multi = { model: "ms-hrnet-small-v1", width: 0.125, input: 64, classes: 4 };
const single = { ...multi, model: "hrnet-w18" };

async function setUp(
  options: typeof multi,
): Promise<{ network: Network; x: Tensor; x2: Tensor | null; labels: Tensor }> {
  const device = await testDevice();
  const network = createNetwork(device, { ...options, seed: 3, label: options.model });
  const image = (side: number) => {
    const values = Float32Array.from({ length: 2 * side * side }, (_, k) => ((k * 7919) % 101) / 101);
    return device.fromValues(values, [2, side, side, 1], "image");
  };
  const x2 = options.model.startsWith("ms-") ? image(32) : null;
  return { network, x: image(64), x2, labels: device.fromValues([1, 3], [2], "labels", "u32") };
}

async function values(network: Network): Promise<Map<string, number[]>> {
  return new Map([...(await network.stateDict())].map(([name, tensor]) => [name, [...toFloat32(tensor)]]));
}

describe("memory", () => {
  test.each([single, multi])("$model: in inference only the outputs remain, in training nothing", async (options) => {
    const { network, x, x2 } = await setUp(options);
    const { device } = network;
    const before = device.memory.live;
    const tape = Tape.inference(device);
    const { logits, features } = network.forward(tape, { x, x2 }, { training: false });
    expect(device.memory.live - before).toBe(logits.buffer.bytes + features.buffer.bytes);
    tape.dispose();
    expect(device.memory.live).toBe(before);
    network.release();
  });

  test("steps do not leak", async () => {
    const { network, x, x2, labels } = await setUp(multi);
    const { device } = network;
    const live: number[] = [];
    for (let step = 0; step < 4; step++) {
      const tape = new Tape(device);
      const { logits } = network.forward(tape, { x, x2 }, { training: true });
      tape.backward([softmaxCrossEntropy(tape, logits, { labels })]);
      tape.dispose();
      live.push(device.memory.live);
    }
    expect(new Set(live).size).toBe(1);
    network.release();
  });
});

describe("multi-scale", () => {
  test("the shared stem sees two batches per pass, everything else one, what is unused none and never moves", async () => {
    const { network, x, x2, labels } = await setUp(multi);
    const before = await values(network);
    const optimizer = createOptimizer(network.arena, { name: "sgd", momentum: 0.9 }, () => ({
      rateFactor: 1,
      weightDecay: 0.1,
    }));
    const tape = new Tape(network.device);
    const { logits } = network.forward(tape, { x, x2 }, { training: true });
    tape.backward([softmaxCrossEntropy(tape, logits, { labels })]);
    optimizer.step(0.1);
    tape.dispose();
    const after = await values(network);
    const unused = /^(layer1_small|transition1_small)\./;
    const shared = /^(bn1|bn2|layer1\.|transition1\.0\.)/;
    const grads = await network.gradients();
    for (const [name, value] of after) {
      if (name.endsWith("num_batches_tracked"))
        expect(value, name).toEqual([unused.test(name) ? 0 : shared.test(name) ? 2 : 1]);
      else if (unused.test(name)) expect(value, name).toEqual(before.get(name));
      else expect(value, name).not.toEqual(before.get(name));
    }
    expect([...grads.keys()].filter((name) => unused.test(name))).toEqual([]);
    optimizer.release();
    network.release();
  });

  test("the small scale matters, and is missed where it is not given", async () => {
    const { network, x, x2 } = await setUp(multi);
    const { device } = network;
    const logits = async (small: Tensor | null) => {
      const tape = Tape.inference(device);
      const read = await device.read(network.forward(tape, { x, x2: small }, { training: false }).logits);
      tape.dispose();
      return [...read];
    };
    expect(await logits(x2)).not.toEqual(await logits(device.zeros([2, 32, 32, 1], "black")));
    await expect(logits(null)).rejects.toThrow("ms-hrnet-small-v1: the small-scale input is missing");
    network.release();
  });
});

describe("width", () => {
  const channels = (model: string, width: number) => {
    const { layers } = summarizeModel({ model, width, input: 64, classes: 4 });
    const of = (name: string) => layers.find((layer) => layer.name === name)?.output.at(-1);
    const branches = [0, 1, 2, 3].map((i) => of(`stage4.0.branches.${i}.0.conv1`));
    return [of("conv1"), of("layer1.0.conv3"), ...branches, of("final_layer.0"), of("final_layer.6")];
  };

  test("scales all channels but the features; what is no whole number becomes a multiple of 4", () => {
    expect(channels("hrnet-w18", 1)).toEqual([64, 256, 18, 36, 72, 144, 2048, 128]);
    expect(channels("hrnet-w18", 0.5)).toEqual([32, 128, 9, 18, 36, 72, 1024, 128]);
    expect(channels("hrnet-w18", 0.125)).toEqual([8, 32, 4, 4, 9, 18, 256, 128]);
    expect(channels("hrnet-small-v1", 0.125)).toEqual([8, 16, 4, 4, 8, 16, 256, 128]);
  });
});

describe("first weights", () => {
  const spread = (list: readonly number[]) => {
    const mean = list.reduce((a, b) => a + b, 0) / list.length;
    return Math.sqrt(list.reduce((sum, v) => sum + (v - mean) ** 2, 0) / list.length);
  };
  test("kaiming: N(0, 2/(9 out)) and no bias; reference-code: linear and biases uniform as torch leaves them", async () => {
    const device = await testDevice();
    const first = async (initialisation: "kaiming" | "reference-code") => {
      const options = { ...single, width: 0.5, featureSize: 512, seed: 1, label: "first", initialisation };
      const network = createNetwork(device, options);
      const found = await values(network);
      network.release();
      return (name: string) => found.get(name) as number[];
    };
    const [ours, theirs] = [await first("kaiming"), await first("reference-code")];
    for (const get of [ours, theirs]) {
      const conv = get("layer1.0.conv2.weight");
      expect(spread(conv) / Math.sqrt(2 / (9 * 32))).toBeCloseTo(1, 1);
    }
    expect(new Set(ours("final_layer.0.bias"))).toEqual(new Set([0]));
    const bound = 1 / Math.sqrt(512);
    const linear = theirs("classifier.weight");
    expect(Math.max(...linear.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(spread(linear) / (bound / Math.sqrt(3))).toBeCloseTo(1, 1);
    const bias = theirs("final_layer.0.bias");
    expect(spread(bias) * Math.sqrt(3 * 512)).toBeCloseTo(1, 1);
  });
});
