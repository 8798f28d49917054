import { describe, expect, it } from "vitest";
import { conv2dBackwardWeight } from "../../../engine/ops/conv/backwardWeight.js";
import type { Geometry } from "../../../engine/ops/conv/geometry.js";
import * as twins from "../../reference/index.js";
import { checkVariants } from "../../support/checkVariants.js";
import { deviceVariants, testDevice } from "../../support/device.js";

type Case = { x: [n: number, h: number, w: number, i: number]; o: number; k: number; stride: number; padding: number };

/** Channels around the vec4 and the tiles, images of 1 and 2 pixels and wider than a short sum, H != W, both strides. */
const cases: Case[] = [
  { x: [2, 5, 7, 5], o: 9, k: 3, stride: 1, padding: 1 },
  { x: [1, 9, 7, 18], o: 36, k: 3, stride: 2, padding: 1 },
  { x: [2, 6, 8, 12], o: 34, k: 3, stride: 2, padding: 1 },
  { x: [3, 2, 2, 33], o: 18, k: 3, stride: 1, padding: 1 },
  { x: [5, 1, 1, 8], o: 2, k: 3, stride: 1, padding: 1 },
  { x: [1, 7, 70, 3], o: 6, k: 3, stride: 1, padding: 0 },
  { x: [7, 1, 1, 37], o: 41, k: 1, stride: 1, padding: 0 },
  { x: [2, 7, 5, 36], o: 20, k: 1, stride: 2, padding: 0 },
  { x: [1, 6, 5, 2], o: 66, k: 5, stride: 1, padding: 2 },
];

/** The kernel's gradient alone, in double precision. */
function expected(stride: number, padding: number) {
  return ({ x, dy, weight }: Readonly<Record<string, twins.Nd>>) => ({
    dWeight: twins.conv2d.backward([x!, weight!], { stride, padding }, dy!)[1]!,
  });
}

describe.each(deviceVariants)("conv2d's gradient by the weight, %s", (_, options) => {
  it.each(cases)("x $x, $o of $k x $k, stride $stride, padding $padding", async ({ x, o, k, stride, padding }) => {
    const [n, h, w, ci] = x;
    const oh = Math.floor((h + 2 * padding - k) / stride) + 1;
    const ow = Math.floor((w + 2 * padding - k) / stride) + 1;
    const [ci4, co4] = [Math.ceil(ci / 4), Math.ceil(o / 4)];
    const geometry: Geometry = { n, h, w, ci, ci4, oh, ow, co4, kh: k, kw: k, stride, pad: padding };
    const weight = twins.nd([k, k, ci, o]);
    const ran = await checkVariants(await testDevice(options), {
      operation: conv2dBackwardWeight,
      geometry,
      inputs: { x, dy: [n, oh, ow, o] },
      expected: ({ x, dy }) => expected(stride, padding)({ x: x!, dy: dy!, weight }),
    });
    expect(ran).toEqual(expect.arrayContaining(["register-8x8", "workgroup-64x64", "workgroup-128x128"]));
  });
});
