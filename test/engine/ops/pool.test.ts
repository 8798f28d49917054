import { describe, expect, it } from "vitest";
import { globalAveragePool, maxPool, Tape, upsampleNearest } from "../../../engine/index.js";
import * as twins from "../../reference/index.js";
import { checkOp, ndTensor, PoisonedTape } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";

describe.each(deviceVariants)("pooling, %s", (_, options) => {
  it.each([
    { shape: [2, 6, 8, 4], size: 2, stride: 2 },
    { shape: [1, 5, 7, 3], size: 2, stride: 2 },
    { shape: [2, 7, 8, 18], size: 3, stride: 2 },
    { shape: [1, 5, 5, 5], size: 3, stride: 1 },
    { shape: [3, 9, 4, 2], size: 2, stride: 3 },
    { shape: [1, 2, 2, 33], size: 2, stride: 2 },
    { shape: [2, 3, 3, 6], size: 1, stride: 2 },
    { shape: [3, 22, 26, 5], size: 2, stride: 2 },
    { shape: [1, 33, 17, 4], size: 16, stride: 16 },
    { shape: [2, 21, 19, 6], size: 3, stride: 2 },
  ])("max pool $shape, window $size, stride $stride", async ({ shape, size, stride }) => {
    await checkOp(await testDevice(options), {
      op: (tape, [x]) => maxPool(tape, x!, size, stride),
      twin: twins.maxPool,
      params: { size, stride },
      inputs: [shape],
      forward: { atol: 0, rtol: 0 },
    });
  });

  it.each([
    { size: 2, stride: 2 },
    { size: 3, stride: 1 },
    { size: 3, stride: 2 },
  ])("max pool gives the gradient of a tie to the first element, window $size, stride $stride", async (params) => {
    const x = twins.nd([2, 7, 6, 5]);
    x.data.forEach((_, k) => {
      x.data[k] = (k * 7919) % 3;
    });
    await checkOp(await testDevice(options), {
      op: (tape, [t]) => maxPool(tape, t!, params.size, params.stride),
      twin: twins.maxPool,
      params,
      inputs: [x],
      differences: false,
    });
  });

  it.each([{ shape: [2, 4, 5, 3] }, { shape: [1, 1, 1, 18] }, { shape: [3, 7, 2, 36] }, { shape: [5, 16, 16, 10] }])(
    "global average pool $shape",
    async ({ shape }) => {
      const vector = ({ shape: [n, , , c], data }: twins.Nd) => twins.nd([n!, c!], data);
      await checkOp(await testDevice(options), {
        op: (tape, [x]) => globalAveragePool(tape, x!),
        twin: {
          forward: (inputs, params) => vector(twins.globalAveragePool.forward(inputs, params)),
          backward: (inputs, params, dy) => twins.globalAveragePool.backward(inputs, params, dy),
        },
        params: {},
        inputs: [shape],
      });
    },
  );

  it.each([
    { shape: [2, 3, 4, 3], scale: 2 },
    { shape: [1, 1, 2, 18], scale: 4 },
    { shape: [2, 5, 3, 5], scale: 3 },
    { shape: [1, 2, 2, 4], scale: 1 },
  ])("nearest up-sampling $shape by $scale", async ({ shape, scale }) => {
    await checkOp(await testDevice(options), {
      op: (tape, [x]) => upsampleNearest(tape, x!, scale),
      twin: twins.upsampleNearest,
      params: { scale },
      inputs: [shape],
    });
  });
});

describe("pooling", () => {
  it("lets NaN win", async () => {
    const tape = new PoisonedTape(await testDevice());
    const x = twins.nd([1, 2, 4, 2], [NaN, 1, 2, NaN, 5, 6, 7, 8, 3, 4, 5, NaN, 9, 1, 2, 3]);
    const y = await tape.device.read(maxPool(tape, ndTensor(tape, x, "x")));
    expect([...y]).toEqual([NaN, NaN, 9, 8]);
    tape.dispose();
  });

  it("keeps no input: what its backward needs is one byte an output", async () => {
    const device = await testDevice();
    const tape = new Tape(device);
    const x = tape.tensor([4, 64, 64, 16], "x");
    device.clear(x);
    const before = device.memory.live;
    maxPool(tape, tape.watch(x));
    expect(device.memory.live - before).toBe((4 * 32 * 32 * 16 * 4 * 5) / 4);
    tape.dispose();
  });

  it("refuses what does not fit, naming the shape", async () => {
    const tape = new PoisonedTape(await testDevice());
    const x = tape.tensor([1, 2, 5, 3], "x");
    expect(() => maxPool(tape, x, 3)).toThrow("maxPool: window 3x3 is larger than x [1,2,5,3]");
    expect(() => maxPool(tape, tape.tensor([1, 20, 20, 4], "x"), 17)).toThrow("window 17x17 is larger than 16x16");
    expect(() => maxPool(tape, tape.tensor([1, 4, 4, 1], "x"))).toThrow("maxPool: x [1,4,4,1] has one channel");
    expect(() => globalAveragePool(tape, tape.tensor([4, 3], "x"))).toThrow("globalAveragePool: x has shape [4,3]");
    expect(() => upsampleNearest(tape, x, 1.5)).toThrow("upsampleNearest: factor is 1.5");
    tape.dispose();
  });
});
