import { describe, expect, it } from "vitest";
import { concatBatch, concatChannels, flatten, sliceBatch, sliceChannels } from "../../../engine/index.js";
import * as twins from "../../reference/index.js";
import { checkOp, PoisonedTape } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";
import { activationFromTorch, activationToTorch } from "../../support/layout.js";

/** Data only moves: bits are the same. */
const exact = { forward: { atol: 0, rtol: 0 }, gradient: { atol: 0, rtol: 0 } };

/** [N,H,W,C] to [N,C*H*W], channels outermost as in torch. */
const flattenTwin: twins.Twin = {
  forward: ([x]) => twins.nd([x!.shape[0]!, x!.data.length / x!.shape[0]!], activationToTorch(x!).data),
  backward([x], _, dy) {
    const [n, h, w, c] = x!.shape as [number, number, number, number];
    return [activationFromTorch(twins.nd([n, c, h, w], dy.data))];
  },
};

describe.each(deviceVariants.filter(([name]) => name !== "portable kernels"))("shapes, %s", (_, options) => {
  it.each([
    {
      parts: [
        [2, 3, 2, 18],
        [2, 3, 2, 36],
      ],
    },
    {
      parts: [
        [3, 3],
        [3, 10],
      ],
    },
    {
      parts: [
        [4, 1],
        [4, 1],
        [4, 3],
      ],
    },
    {
      parts: [
        [1, 2, 5, 4],
        [1, 2, 5, 4],
        [1, 2, 5, 1],
        [1, 2, 5, 7],
      ],
    },
    // Every distance mod 4 between the places of a channel in source and target, and channels between others in one vec4.
    {
      parts: [
        [5, 3],
        [5, 2],
        [5, 6],
        [5, 2],
        [5, 9],
      ],
    },
    {
      parts: [
        [70, 18],
        [70, 36],
        [70, 7],
        [70, 3],
      ],
    },
    { parts: [[2, 5]] },
  ])("channels joined: $parts", async ({ parts }) => {
    await checkOp(await testDevice(options), {
      op: (tape, inputs) => concatChannels(tape, inputs),
      twin: twins.concat,
      params: { axis: -1 },
      inputs: parts,
      ...exact,
    });
  });

  it.each([
    {
      parts: [
        [2, 3, 2, 5],
        [1, 3, 2, 5],
        [4, 3, 2, 5],
      ],
    },
    {
      parts: [
        [3, 10],
        [5, 10],
      ],
    },
    {
      parts: [
        [1, 3],
        [2, 3],
      ],
    },
    {
      parts: [
        [3, 1],
        [2, 1],
      ],
    },
    {
      parts: [
        [2, 3, 3, 1],
        [1, 3, 3, 1],
      ],
    },
  ])("batches joined: $parts", async ({ parts }) => {
    await checkOp(await testDevice(options), {
      op: (tape, inputs) => concatBatch(tape, inputs),
      twin: twins.concat,
      params: { axis: 0 },
      inputs: parts,
      ...exact,
    });
  });

  it.each([
    { shape: [2, 7, 3, 10], start: 3, end: 5 },
    { shape: [4, 54], start: 0, end: 18 },
    { shape: [4, 54], start: 18, end: 54 },
    { shape: [5, 6], start: 2, end: 3 },
    { shape: [5, 6], start: 1, end: 5 },
    { shape: [3, 21], start: 7, end: 20 },
    { shape: [3, 21], start: 4, end: 11 },
    { shape: [2, 3], start: 0, end: 3 },
  ])("channels $start to $end of $shape", async ({ shape, start, end }) => {
    await checkOp(await testDevice(options), {
      op: (tape, [x]) => sliceChannels(tape, x!, start, end),
      twin: twins.slice,
      params: { axis: -1, start, end },
      inputs: [shape],
      ...exact,
    });
  });

  it.each([
    { shape: [5, 3, 2, 3], start: 1, end: 4 },
    { shape: [4, 10], start: 0, end: 1 },
    { shape: [3, 2, 2, 1], start: 2, end: 3 },
    { shape: [6, 1], start: 3, end: 6 },
  ])("samples $start to $end of $shape", async ({ shape, start, end }) => {
    await checkOp(await testDevice(options), {
      op: (tape, [x]) => sliceBatch(tape, x!, start, end),
      twin: twins.slice,
      params: { axis: 0, start, end },
      inputs: [shape],
      ...exact,
    });
  });

  it.each([
    { shape: [2, 3, 4, 5] },
    { shape: [3, 1, 1, 18] },
    { shape: [1, 7, 2, 1] },
    { shape: [2, 1, 3, 3] },
    { shape: [2, 4, 5, 6] },
    { shape: [3, 2, 2, 4] },
    { shape: [2, 4, 3, 1] },
    { shape: [1, 20, 16, 5] },
  ])("flatten $shape", async ({ shape }) => {
    await checkOp(await testDevice(options), {
      op: (tape, [x]) => flatten(tape, x!),
      twin: flattenTwin,
      params: {},
      inputs: [shape],
      ...exact,
    });
  });
});

describe("shapes that do not fit", () => {
  it("are refused, naming them", async () => {
    const tape = new PoisonedTape(await testDevice());
    const x = tape.tensor([2, 3, 4, 5], "x");
    const y = tape.tensor([2, 3, 5, 5], "y");
    const v = tape.tensor([7], "v");
    expect(() => concatChannels(tape, [x, y])).toThrow("concatChannels: [2,3,4,5] and [2,3,5,5] differ");
    expect(() => concatBatch(tape, [x, y])).toThrow("concatBatch: [2,3,4,5] and [2,3,5,5] differ");
    expect(() => concatBatch(tape, [v, v])).toThrow("concatBatch: [7] has fewer than two axes");
    expect(() => concatChannels(tape, [])).toThrow("nothing to join");
    expect(() => sliceChannels(tape, x, 2, 6)).toThrow("sliceChannels: range 2..6 is not inside 0..5 (x [2,3,4,5])");
    expect(() => sliceBatch(tape, x, 1, 1)).toThrow("sliceBatch: range 1..1 is not inside 0..2 (x [2,3,4,5])");
    expect(() => sliceBatch(tape, v, 0, 1)).toThrow("sliceBatch: x has shape [7]");
    tape.dispose();
  });
});
