import { describe, it } from "vitest";
import { conv2d, linear } from "../../../engine/index.js";
import * as twins from "../../reference/index.js";
import { checkOp } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";

type Case = {
  x: [n: number, h: number, w: number, i: number];
  o: number;
  k: number;
  stride: number;
  padding: number;
  bias: boolean;
};

/** Channels around the vec4 and the 8-channel tile, images smaller than the tile of 4 pixels, H != W, both strides. */
const cases: Case[] = [
  { x: [2, 5, 7, 1], o: 5, k: 3, stride: 1, padding: 1, bias: true },
  { x: [1, 7, 6, 1], o: 18, k: 3, stride: 2, padding: 1, bias: false },
  { x: [2, 3, 4, 1], o: 3, k: 1, stride: 1, padding: 0, bias: true },
  { x: [2, 4, 3, 1], o: 9, k: 5, stride: 1, padding: 2, bias: false },
  { x: [1, 5, 6, 2], o: 3, k: 3, stride: 1, padding: 0, bias: true },
  { x: [2, 6, 5, 3], o: 2, k: 3, stride: 2, padding: 1, bias: true },
  { x: [1, 1, 1, 3], o: 5, k: 3, stride: 1, padding: 1, bias: true },
  { x: [3, 1, 1, 5], o: 4, k: 1, stride: 1, padding: 0, bias: false },
  { x: [2, 7, 5, 5], o: 12, k: 1, stride: 2, padding: 0, bias: true },
  { x: [2, 8, 8, 8], o: 16, k: 3, stride: 1, padding: 1, bias: true },
  { x: [1, 9, 7, 18], o: 36, k: 3, stride: 2, padding: 1, bias: false },
  { x: [2, 5, 3, 36], o: 18, k: 3, stride: 1, padding: 1, bias: false },
  { x: [1, 3, 5, 33], o: 10, k: 3, stride: 1, padding: 1, bias: true },
  { x: [2, 4, 6, 10], o: 33, k: 1, stride: 1, padding: 0, bias: true },
  { x: [2, 3, 4, 7], o: 8, k: 3, stride: 1, padding: 1, bias: false },
  { x: [1, 5, 5, 14], o: 6, k: 3, stride: 1, padding: 1, bias: true },
  { x: [1, 6, 9, 4], o: 7, k: 3, stride: 2, padding: 0, bias: false },
];

describe.each(deviceVariants)("conv2d, %s", (_, options) => {
  it.each(cases)("x $x, $o of $k x $k, stride $stride, padding $padding, bias $bias", async (c) => {
    const { stride, padding } = c;
    await checkOp(await testDevice(options), {
      op: (tape, [x, weight, bias]) => conv2d(tape, x!, weight!, bias ?? null, { stride, padding }),
      twin: twins.conv2d,
      params: { stride, padding },
      inputs: [c.x, [c.k, c.k, c.x[3], c.o], ...(c.bias ? [[c.o]] : [])],
    });
  });

  it.each([
    [1, 5, 4, true],
    [7, 33, 10, true],
    [3, 1, 3, true],
    [2, 18, 2, false],
    [33, 12, 36, false],
  ])("linear, %i x %i -> %i, bias %s", async (n, i, o, bias) => {
    await checkOp(await testDevice(options), {
      op: (tape, [x, weight, b]) => linear(tape, x!, weight!, b ?? null),
      twin: twins.linear,
      params: {},
      inputs: [[n, i], [1, 1, i, o], ...(bias ? [[o]] : [])],
    });
  });
});
