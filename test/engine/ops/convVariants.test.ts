import { describe, expect, it } from "vitest";
import type { Device } from "../../../engine/index.js";
import { conv2dBackwardInput } from "../../../engine/ops/conv/backwardInput.js";
import { conv2dForward } from "../../../engine/ops/conv/forward.js";
import type { Geometry } from "../../../engine/ops/conv/geometry.js";
import * as twins from "../../reference/index.js";
import { checkVariants } from "../../support/checkVariants.js";
import { deviceVariants, swiftShaderDevice, testDevice } from "../../support/device.js";

type Case = {
  x: [n: number, h: number, w: number, i: number];
  o: number;
  k: number;
  stride: number;
  pad: number;
  bias: boolean;
};

/** Channels and pixels that are no multiple of any tile, images smaller than a tile, steps beyond one run of 16, strides. */
const cases: Case[] = [
  { x: [2, 5, 7, 3], o: 5, k: 3, stride: 1, pad: 1, bias: true },
  { x: [1, 1, 1, 66], o: 34, k: 3, stride: 1, pad: 1, bias: true },
  { x: [3, 9, 7, 18], o: 36, k: 3, stride: 2, pad: 1, bias: false },
  { x: [2, 6, 8, 36], o: 18, k: 3, stride: 2, pad: 1, bias: true },
  { x: [1, 8, 9, 7], o: 70, k: 1, stride: 2, pad: 0, bias: false },
  { x: [2, 7, 6, 5], o: 9, k: 5, stride: 2, pad: 1, bias: true },
  { x: [1, 6, 7, 4], o: 6, k: 2, stride: 3, pad: 0, bias: false },
];

/** The few for a slow adapter. */
const fewCases = cases.slice(0, 3);

function outputSize(size: number, { k, stride, pad }: Case): number {
  return Math.floor((size + 2 * pad - k) / stride) + 1;
}

function geometryOf(c: Case): Geometry {
  const [n, h, w, ci] = c.x;
  const [oh, ow] = [outputSize(h, c), outputSize(w, c)];
  const { k, stride, pad } = c;
  return { n, h, w, ci, ci4: Math.ceil(ci / 4), oh, ow, co4: Math.ceil(c.o / 4), kh: k, kw: k, stride, pad };
}

async function checkForward(device: Device, c: Case): Promise<string[]> {
  const params = { stride: c.stride, padding: c.pad };
  return checkVariants(device, {
    operation: conv2dForward,
    geometry: geometryOf(c),
    inputs: { x: c.x, weight: [c.k, c.k, c.x[3], c.o], bias: c.bias ? [c.o] : null },
    expected: ({ x, weight, bias }) => ({
      y: twins.conv2d.forward(bias ? [x!, weight!, bias] : [x!, weight!], params),
    }),
  });
}

async function checkBackwardInput(device: Device, c: Case): Promise<string[]> {
  const geometry = geometryOf(c);
  const params = { stride: c.stride, padding: c.pad };
  return checkVariants(device, {
    operation: conv2dBackwardInput,
    geometry,
    inputs: { dy: [c.x[0], geometry.oh, geometry.ow, c.o], weight: [c.k, c.k, c.x[3], c.o] },
    expected: ({ dy, weight }) => ({ dx: twins.conv2d.backward([twins.nd(c.x), weight!], params, dy!)[0] as twins.Nd }),
  });
}

describe.each(deviceVariants)("every variant of conv2d, %s", (_, options) => {
  it.each(cases)("forward, x $x, $o of $k x $k, stride $stride, pad $pad, bias $bias", async (c) => {
    await checkForward(await testDevice(options), c);
  });

  it.each(cases)("input gradient, x $x, $o of $k x $k, stride $stride, pad $pad", async (c) => {
    await checkBackwardInput(await testDevice(options), c);
  });
});

describe("every variant of conv2d on SwiftShader", () => {
  for (const c of fewCases) {
    it(`x ${c.x}, ${c.o} of ${c.k} x ${c.k}, stride ${c.stride}`, async (context) => {
      const device = await swiftShaderDevice(context);
      expect(device.info.description + device.info.device).toMatch(/swiftshader/i);
      await checkForward(device, c);
      await checkBackwardInput(device, c);
    });
  }
});
