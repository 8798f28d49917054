import { describe, expect, it } from "vitest";
import { conv2dBackwardWeight } from "../../../engine/ops/conv/backwardWeight.js";
import { conv2dFirstBackwardWeight, conv2dFirstForward } from "../../../engine/ops/conv/first.js";
import type { Geometry } from "../../../engine/ops/conv/geometry.js";
import { broadcasts } from "../../../engine/ops/conv/grid.js";
import * as twins from "../../reference/index.js";
import { checkVariants } from "../../support/checkVariants.js";
import { deviceVariants, swiftShaderDevice, testDevice } from "../../support/device.js";

interface Case {
  readonly x: [n: number, h: number, w: number, i: number];
  readonly o: number;
  readonly k: number;
  readonly stride: number;
  readonly padding: number;
}

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

/** Rows of whole vec4 and not, with a last step of 1 to 4 pixels, one row, more pieces of a row than one, other kernels. */
const firstCases: Case[] = [
  { x: [2, 5, 8, 1], o: 5, k: 3, stride: 1, padding: 1 },
  { x: [1, 1, 4, 1], o: 18, k: 3, stride: 1, padding: 1 },
  { x: [3, 7, 12, 1], o: 33, k: 3, stride: 2, padding: 1 },
  { x: [2, 4, 20, 1], o: 2, k: 3, stride: 2, padding: 1 },
  { x: [1, 3, 264, 1], o: 8, k: 3, stride: 1, padding: 1 },
  { x: [1, 3, 520, 1], o: 6, k: 3, stride: 2, padding: 1 },
  { x: [2, 5, 7, 1], o: 5, k: 3, stride: 1, padding: 1 },
  { x: [2, 6, 8, 1], o: 9, k: 5, stride: 1, padding: 2 },
];

function geometryOf({ x: [n, h, w, ci], o, k, stride, padding }: Case): Geometry {
  const oh = Math.floor((h + 2 * padding - k) / stride) + 1;
  const ow = Math.floor((w + 2 * padding - k) / stride) + 1;
  const [ci4, co4] = [Math.ceil(ci / 4), Math.ceil(o / 4)];
  return { n, h, w, ci, ci4, oh, ow, co4, kh: k, kw: k, stride, pad: padding };
}

function weightGradient(c: Case, operation: typeof conv2dBackwardWeight) {
  const geometry = geometryOf(c);
  const weight = twins.nd([c.k, c.k, c.x[3], c.o]);
  return {
    operation,
    geometry,
    inputs: { x: c.x, dy: [geometry.n, geometry.oh, geometry.ow, c.o] },
    expected: ({ x, dy }: Readonly<Record<string, twins.Nd>>) => ({
      dWeight: twins.conv2d.backward([x!, weight], c, dy!)[1]!,
    }),
  };
}

const always = ["register-8x8", "workgroup-64x64", "workgroup-128x128"];
const withSubgroups = ["broadcast-8x32", "broadcast-16x32", "broadcast-20x32", "broadcast-32x32"];
const ofThreeTaps = ["broadcast-8x96", "broadcast-16x96"];

describe.each(deviceVariants)("gradient by the weight, %s", (_, options) => {
  it.each(cases)("x $x, $o of $k x $k, stride $stride, padding $padding", async (c) => {
    const device = await testDevice(options);
    const names = await checkVariants(device, weightGradient(c, conv2dBackwardWeight));
    const more = broadcasts(device) ? [...withSubgroups, ...(c.k === 3 ? ofThreeTaps : [])] : [];
    expect(names.toSorted()).toEqual([...always, ...more].toSorted());
  });
});

describe.each(deviceVariants)("first layer, %s", (_, options) => {
  it.each(firstCases)("x $x, $o of $k x $k, stride $stride", async (c) => {
    const device = await testDevice(options);
    const rows = c.k === 3 && c.x[2] % 4 === 0;
    const names = await checkVariants(device, weightGradient(c, conv2dFirstBackwardWeight));
    expect(names).toEqual(rows ? ["register-3x4", "rows-9x4"] : ["register-3x4"]);
    for (const bias of [[c.o], null]) {
      const forward = await checkVariants(device, {
        operation: conv2dFirstForward,
        geometry: geometryOf(c),
        inputs: { x: c.x, weight: [c.k, c.k, 1, c.o], bias },
        expected: ({ x, weight, bias: b }) => ({ y: twins.conv2d.forward(b ? [x!, weight!, b] : [x!, weight!], c) }),
      });
      expect(forward).toEqual(rows ? ["register-4x8", "rows-4x8"] : ["register-4x8"]);
    }
  });
});

describe("sums of many pixels", () => {
  it("are as exact as sums of short sums are: all terms of one sign, 40 000 pixels", async () => {
    const c: Case = { x: [1, 200, 200, 4], o: 4, k: 1, stride: 1, padding: 0 };
    const random = (k: number) => 1 + ((k * 7919) % 1000) / 1000;
    const values = twins.map(twins.nd(c.x), (_, k) => random(k));
    const check = weightGradient(c, conv2dBackwardWeight);
    const inputs = { x: values, dy: twins.map(values, (v) => 3 - v) };
    const { preferred, variants } = conv2dBackwardWeight;
    for (const [, options] of deviceVariants) {
      const device = await testDevice(options);
      const name = preferred(device, check.geometry);
      const operation = { ...conv2dBackwardWeight, variants: variants.filter((v) => v.name === name) };
      await checkVariants(device, { ...check, operation, inputs, tolerance: { atol: 0, rtol: 2e-6 } });
    }
  });
});

describe("on SwiftShader", () => {
  for (const c of [cases[0]!, cases[1]!, cases[6]!]) {
    it(`gradient by the weight, x ${c.x}, ${c.o} of ${c.k} x ${c.k}`, async (context) => {
      const names = await checkVariants(await swiftShaderDevice(context), weightGradient(c, conv2dBackwardWeight));
      expect(names).toEqual(expect.arrayContaining(always));
    });
  }
  for (const c of [firstCases[0]!, firstCases[2]!]) {
    it(`first layer's gradient by the weight, x ${c.x}, ${c.o} of ${c.k} x ${c.k}`, async (context) => {
      const names = await checkVariants(await swiftShaderDevice(context), weightGradient(c, conv2dFirstBackwardWeight));
      expect(names).toContain("rows-9x4");
    });
  }
});
