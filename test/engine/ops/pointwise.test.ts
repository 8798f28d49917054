import { describe, expect, it } from "vitest";
import { add, type Device, dropout, relu, type Tape, type Tensor } from "../../../engine/index.js";
import { philox } from "../../../engine/rng.js";
import { pitch } from "../../../engine/tensor.js";
import * as twins from "../../reference/index.js";
import { checkOp, ndTensor, PoisonedTape, readChecked } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";

/** Vectors, one channel, channels around multiples of 4, then sizes at which a thread takes more and more steps. */
const shapes = [
  [1],
  [3],
  [7, 1],
  [2, 10],
  [1, 33],
  [2, 3, 5, 3],
  [1, 1, 1, 18],
  [4, 4, 4, 10],
  [7, 9, 8, 4],
  [3, 41, 40, 5],
];

describe.each(deviceVariants)("pointwise ops, %s", (_, options) => {
  it.each(shapes.map((shape) => ({ shape })))("relu $shape", async ({ shape }) => {
    await checkOp(await testDevice(options), {
      op: (tape, [x]) => relu(tape, x!),
      twin: twins.relu,
      params: {},
      inputs: [shape],
    });
  });

  it.each(shapes.map((shape) => ({ shape })))("add $shape", async ({ shape }) => {
    await checkOp(await testDevice(options), {
      op: (tape, [a, b]) => add(tape, a!, b!),
      twin: twins.add,
      params: {},
      inputs: [shape, shape],
    });
  });

  it.each(shapes.map((shape) => ({ shape })))("dropout $shape", async ({ shape }) => {
    const [p, seed, step, stream] = [0.3, 4_000_000_000, 7, 123];
    await checkOp(await testDevice(options), {
      op: (tape, [x]) => dropout(tape, x!, { p, stream, state: dropoutState(tape, seed, step) }),
      twin: twins.dropout,
      params: { p, mask: hostMask(shape, p, seed, step, stream) },
      inputs: [shape],
    });
  });
});

describe("relu", () => {
  it("has no gradient at 0, and lets NaN through", async () => {
    const x = twins.nd([1, 6], [0, -0, 1, -1, 1e-37, 1e30]);
    await checkOp(await testDevice(), {
      op: (tape, [t]) => relu(tape, t!),
      twin: twins.relu,
      params: {},
      inputs: [x],
      differences: false,
    });
    const tape = new PoisonedTape(await testDevice());
    const y = await tape.device.read(relu(tape, ndTensor(tape, twins.nd([3], [Number.NaN, -1, 2]), "x")));
    expect([...y]).toEqual([Number.NaN, 0, 2]);
    tape.dispose();
  });
});

describe("add", () => {
  it("names both shapes when they differ", async () => {
    const tape = new PoisonedTape(await testDevice());
    const [a, b] = [tape.tensor([2, 3], "a"), tape.tensor([3, 2], "b")];
    expect(() => add(tape, a, b)).toThrow("add: a [2,3] and b [3,2] differ");
    tape.dispose();
  });
});

describe("dropout", () => {
  it("keeps a share of 1 - p, scaled so that the mean stays", async () => {
    const n = 40_000;
    for (const p of [0.1, 0.5, 0.9]) {
      const y = await dropped(await testDevice(), [n], p, 1, 2, 3);
      const kept = y.filter((value) => value !== 0).length / n;
      expect(Math.abs(kept - (1 - p)), `p ${p}`).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / n));
      expect(new Set(y)).toEqual(new Set([0, Math.fround(1 / Math.fround(1 - Math.fround(p)))]));
    }
  });

  it("repeats for the same seed, step and stream, and differs for any other", async () => {
    const device = await testDevice();
    const draw = async (seed: number, step: number, stream: number) =>
      (await dropped(device, [8, 64], 0.5, seed, step, stream)).join();
    const masks = [await draw(1, 1, 1), await draw(2, 1, 1), await draw(1, 2, 1), await draw(1, 1, 2)];
    expect(await draw(1, 1, 1)).toBe(masks[0]);
    expect(new Set(masks).size).toBe(4);
  });

  it("keeps everything for p = 0 and refuses p outside 0..1", async () => {
    const device = await testDevice();
    expect(new Set(await dropped(device, [50], 0, 1, 1, 1))).toEqual(new Set([1]));
    for (const p of [1, -0.1, Number.NaN]) {
      await expect(dropped(device, [5], p, 1, 1, 1)).rejects.toThrow(`dropout: p is ${p}, expected 0 <= p < 1`);
    }
  });
});

function dropoutState(tape: Tape, seed: number, step: number): Tensor {
  const state = tape.tensor([2], "dropout state", "u32");
  tape.device.write(state, [seed, step]);
  return state;
}

/** dropout of ones. */
async function dropped(device: Device, shape: number[], p: number, seed: number, step: number, stream: number) {
  const tape = new PoisonedTape(device, false);
  try {
    const ones = ndTensor(
      tape,
      twins.map(twins.nd(shape), () => 1),
      "ones",
    );
    const y = dropout(tape, ones, { p, stream, state: dropoutState(tape, seed, step) });
    return await readChecked(device, y, "dropout");
  } finally {
    tape.dispose();
  }
}

/** The mask as the host draws it: four neighbours in padded memory share one Philox block. */
function hostMask(shape: number[], p: number, seed: number, step: number, stream: number): number[] {
  const channels = shape.at(-1) as number;
  const size = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: size }, (_, k) => {
    const i = Math.floor(k / channels) * pitch(channels) + (k % channels);
    const word = philox([seed, stream], [Math.floor(i / 4), step, 0, 0])[i % 4] as number;
    return Number((word >>> 8) * 2 ** -24 >= Math.fround(p));
  });
}
