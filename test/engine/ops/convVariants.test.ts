import { describe, expect, it } from "vitest";
import type { Device, DeviceOptions } from "../../../engine/index.js";
import { conv2dBackwardInput } from "../../../engine/ops/conv/backwardInput.js";
import { conv2dForward } from "../../../engine/ops/conv/forward.js";
import type { Geometry } from "../../../engine/ops/conv/geometry.js";
import * as twins from "../../reference/index.js";
import { checkVariants } from "../../support/checkVariants.js";
import { swiftShaderDevice, testDevice } from "../../support/device.js";

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
  // No input pixel has an odd row: a class without pixels.
  { x: [2, 1, 3, 6], o: 5, k: 3, stride: 2, pad: 1, bias: true },
  { x: [1, 6, 7, 4], o: 6, k: 2, stride: 3, pad: 0, bias: false },
];

function outputSize(size: number, { k, stride, pad }: Case): number {
  return Math.floor((size + 2 * pad - k) / stride) + 1;
}

function geometryOf(c: Case): Geometry {
  const [n, h, w, ci] = c.x;
  const [oh, ow] = [outputSize(h, c), outputSize(w, c)];
  const { k, stride, pad } = c;
  return { n, h, w, ci, ci4: Math.ceil(ci / 4), oh, ow, co4: Math.ceil(c.o / 4), kh: k, kw: k, stride, pad };
}

async function checkForward(device: Device, c: Case, only?: RegExp): Promise<string[]> {
  const params = { stride: c.stride, padding: c.pad };
  return checkVariants(device, {
    ...(only ? { only } : {}),
    operation: conv2dForward,
    geometry: geometryOf(c),
    inputs: { x: c.x, weight: [c.k, c.k, c.x[3], c.o], bias: c.bias ? [c.o] : null },
    expected: ({ x, weight, bias }) => ({
      y: twins.conv2d.forward(bias ? [x!, weight!, bias] : [x!, weight!], params),
    }),
  });
}

async function checkBackwardInput(device: Device, c: Case, only?: RegExp): Promise<string[]> {
  const geometry = geometryOf(c);
  const params = { stride: c.stride, padding: c.pad };
  return checkVariants(device, {
    ...(only ? { only } : {}),
    operation: conv2dBackwardInput,
    geometry,
    inputs: { dy: [c.x[0], geometry.oh, geometry.ow, c.o], weight: [c.k, c.k, c.x[3], c.o] },
    expected: ({ dy, weight }) => ({ dx: twins.conv2d.backward([twins.nd(c.x), weight!], params, dy!)[0] as twins.Nd }),
  });
}

/** Which device runs which variants: each kernel once or twice, as they take long to compile. */
const plan: [name: string, options: DeviceOptions, only: RegExp][] = [
  ["as the adapter is", {}, /broadcast|pixels/],
  ["portable kernels", { subgroups: false }, /register/],
  ["cut for a GPU", { workFor: "gpu" }, /pixels-4x8|register-4x8/],
];

describe.each(plan)("every variant of conv2d, %s", (_, options, only) => {
  it.each(cases)("forward, x $x, $o of $k x $k, stride $stride, pad $pad, bias $bias", async (c) => {
    await checkForward(await testDevice(options), c, only);
  });

  it.each(cases)("input gradient, x $x, $o of $k x $k, stride $stride, pad $pad", async (c) => {
    await checkBackwardInput(await testDevice(options), c, only);
  });
});

describe("tiles of conv2d in workgroup memory", () => {
  const filled: Case = { x: [3, 9, 5, 70], o: 66, k: 3, stride: 1, pad: 1, bias: true };
  it.each([...cases.slice(2, 4), filled])("x $x, $o of $k x $k, stride $stride", async (c) => {
    const device = await testDevice({ workFor: "gpu" });
    await checkForward(device, c, /workgroup/);
    await checkBackwardInput(device, c, /workgroup/);
  });
});

describe("conv2d on SwiftShader", () => {
  it("takes the tile that compiles fast at every size, and the tuner leaves the other alone", async (context) => {
    const device = await swiftShaderDevice(context);
    for (const c of cases) {
      for (const operation of [conv2dForward, conv2dBackwardInput]) {
        const g = geometryOf(c);
        expect(operation.preferred(device, g)).toBe("register-4x8");
        const timed = operation.variants.filter((v) => v.fits(device, g) && (v.worthTiming?.(device) ?? true));
        expect(timed.map(({ name }) => name).filter((name) => !name.startsWith("workgroup"))).toEqual(["register-4x8"]);
      }
    }
  });

  for (const c of cases.slice(2, 5)) {
    it(`x ${c.x}, ${c.o} of ${c.k} x ${c.k}, stride ${c.stride}`, async (context) => {
      const device = await swiftShaderDevice(context);
      await checkForward(device, c, /register-4x8/);
      await checkBackwardInput(device, c, /register-4x8/);
    });
  }
});
