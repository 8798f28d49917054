import { describe, expect, it } from "vitest";
import {
  createOptimizer,
  type Device,
  type Optimizer,
  type OptimizerOptions,
  ParameterArena,
  type ParameterGroup,
  updateAverage,
} from "../../../engine/index.js";
import * as twins from "../../reference/index.js";
import { normals, randomNd, readChecked } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";

interface Slot {
  name: string;
  shape: number[];
  trainable: boolean;
  group: ParameterGroup;
}

/** Parameters of one block and of several, with padding, each with its own factors; one of them is never trained. */
const slots: Slot[] = [
  { name: "conv", shape: [3, 3, 5, 7], trainable: true, group: { rateFactor: 1, weightDecay: 0.05 } },
  { name: "unused", shape: [1, 1, 9, 10], trainable: false, group: { rateFactor: 1, weightDecay: 0.05 } },
  { name: "bias", shape: [7], trainable: true, group: { rateFactor: 2, weightDecay: 0 } },
  { name: "linear", shape: [1, 1, 40, 33], trainable: true, group: { rateFactor: 0.1, weightDecay: 0.3 } },
];
const rates = [0.1, 0.07, 0, 0.05, 0.02];

type State = { weight: twins.Nd; advance: (gradient: twins.Nd, rate: number) => twins.Nd };

/** The twin's weights of one parameter, advanced step by step. */
function twinOf(options: OptimizerOptions, start: twins.Nd, { rateFactor, weightDecay }: ParameterGroup): State {
  let buffer: twins.Nd | null = null;
  let moments: twins.AdamState | null = null;
  const state: State = {
    weight: start,
    advance(gradient, rate) {
      const lr = rate * rateFactor;
      if (options.name === "sgd") {
        const { momentum, nesterov = false } = options;
        const next = twins.sgdStep(state.weight, gradient, buffer, { lr, momentum, nesterov, weightDecay });
        [state.weight, buffer] = [next.weight, next.buffer];
      } else {
        const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = options;
        const next = twins.adamStep(state.weight, gradient, moments, { lr, betas: [beta1, beta2], eps, weightDecay });
        [state.weight, moments] = [next.weight, next.state];
      }
      return state.weight;
    },
  };
  return state;
}

function makeArena(device: Device): { arena: ParameterArena; values: Map<string, twins.Nd> } {
  const random = normals(8);
  const values = new Map(slots.map(({ name, shape }) => [name, randomNd(shape, random)]));
  const specs = slots.map(({ name, shape, trainable }) => ({
    name,
    shape,
    trainable,
    layout: "same" as const,
    init: () => Float32Array.from(values.get(name)!.data),
  }));
  return { arena: new ParameterArena(device, specs, "test"), values };
}

const groupOf = ({ name }: { name: string }) => slots.find((slot) => slot.name === name)!.group;

async function checkSteps(device: Device, options: OptimizerOptions, optimizer: Optimizer, arena: ParameterArena) {
  const states = new Map<string, State>();
  for (const { name, value, shape, trainable } of arena.parameters) {
    const start = twins.nd([...shape], await device.read(value));
    if (trainable) states.set(name, twinOf(options, start, groupOf({ name })));
  }
  const random = normals(21);
  for (const rate of rates) {
    for (const { name, grad, shape } of arena.parameters) {
      const state = states.get(name);
      if (!state) continue;
      const gradient = randomNd(shape, random);
      device.write(grad, gradient.data);
      state.advance(gradient, rate);
    }
    optimizer.step(rate);
    for (const [name, { weight }] of states) {
      const actual = await readChecked(device, arena.get(name).value, name);
      expectClose(actual, weight.data, { atol: 2e-6, rtol: 1e-5 }, `${name} at rate ${rate}`);
    }
  }
}

const kinds: OptimizerOptions[] = [
  { name: "sgd", momentum: 0 },
  { name: "sgd", momentum: 0.9 },
  { name: "sgd", momentum: 0.8, nesterov: true },
  { name: "adam" },
  { name: "adam", beta1: 0.8, beta2: 0.95, eps: 1e-3 },
];

describe.each(deviceVariants.filter(([name]) => name !== "portable kernels"))("optimisers, %s", (_, options) => {
  it.each(kinds.map((kind) => ({ kind })))(
    "$kind, with groups, over several steps and after reset",
    async ({ kind }) => {
      const device = await testDevice(options);
      const { arena, values } = makeArena(device);
      const optimizer = createOptimizer(arena, kind, groupOf);
      await checkSteps(device, kind, optimizer, arena);
      expect(optimizer.steps).toBe(rates.length);
      optimizer.reset();
      await checkSteps(device, kind, optimizer, arena);
      const unused = await device.read(arena.get("unused").value);
      expect([...unused], "what is not trained never moves").toEqual([...values.get("unused")!.data]);
      optimizer.release();
      arena.release();
    },
  );

  it("moving average of weights", async () => {
    const device = await testDevice(options);
    const { arena } = makeArena(device);
    const average = device.zeros(arena.values.shape, "average");
    const expected = new Float64Array(arena.values.size);
    const values = await device.read(arena.values);
    for (const decay of [0, 0.9, 0.999]) {
      updateAverage(device, average, arena.values, decay);
      values.forEach((value, k) => {
        expected[k] = decay * expected[k]! + (1 - decay) * value;
      });
      expectClose(await device.read(average), expected, { atol: 1e-6, rtol: 1e-6 }, `decay ${decay}`);
    }
    device.release(average);
    arena.release();
  });
});
