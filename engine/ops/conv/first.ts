import type { Device } from "../../device.js";
import * as kernels from "../../generated/kernels.js";
import { itemGrid } from "../../stream.js";
import type { Operation, Variant } from "../../tuning/operation.js";
import { type BackwardInputTensors, conv2dBackwardInput } from "./backwardInput.js";
import { type BackwardWeightTensors, conv2dBackwardWeight, rowsOfShortSum, runSplit } from "./backwardWeight.js";
import { conv2dForward, type ForwardTensors } from "./forward.js";
import type { Geometry } from "./geometry.js";
import { pixelGrid } from "./grid.js";

/** The first layer: images of one channel, unpadded in memory, have kernels of their own. */

/** What the kernels by rows are made for: 3x3, a border of one, stride 1 or 2, rows that begin at a whole vec4. */
function byRows(_: Device, g: Geometry): boolean {
  return g.kh === 3 && g.kw === 3 && g.pad === 1 && g.stride <= 2 && g.w % 4 === 0;
}

const registerForward: Variant<Geometry, ForwardTensors> = {
  name: "register-4x8",
  fits: () => true,
  run: (device, g, { x, weight, bias, y }) => {
    const { grid, constants } = pixelGrid(device, g.n * g.oh * g.ow, g.co4);
    const params = { ...g, has_bias: bias ? 1 : 0 };
    device.run(kernels.conv2dFirstForward, { x, weight, bias: bias ?? weight, y }, params, grid, constants);
  },
};

/** Runs of 4 pixels x 8 channels along a row. Long runs load the weights rarely; a GPU wants many invocations first. */
const rowsForward: Variant<Geometry, ForwardTensors> = {
  name: "rows-4x8",
  fits: byRows,
  run: (device, g, { x, weight, bias, y }) => {
    const quads = Math.ceil(g.ow / 4);
    const run = Math.min(quads, device.workFor === "cpu" ? 32 : 4);
    const pieces = Math.ceil(quads / run);
    const { grid, constants } = itemGrid(device, g.n * g.oh * pieces * Math.ceil(g.co4 / 2));
    const params = { ...g, has_bias: bias ? 1 : 0, pieces, run };
    const tensors = { x, weight, bias: bias ?? weight, y };
    device.run(kernels.conv2dFirstForwardRows, tensors, params, grid, { ...constants, STRIDE: g.stride });
  },
};

/** Forward convolution of one channel. */
export const conv2dFirstForward: Operation<Geometry, ForwardTensors> = {
  ...conv2dForward,
  name: "conv2d-first-forward",
  variants: [registerForward, rowsForward],
  preferred: (device, g) => (byRows(device, g) ? rowsForward : registerForward).name,
};

const backwardInput: Variant<Geometry, BackwardInputTensors> = {
  name: "item",
  fits: () => true,
  run: (device, g, tensors) => {
    const { grid, constants } = itemGrid(device, g.n * g.h * g.w);
    device.run(kernels.conv2dFirstBackwardInput, tensors, g, grid, constants);
  },
};

/** Gradient by an input of one channel. */
export const conv2dFirstBackwardInput: Operation<Geometry, BackwardInputTensors> = {
  ...conv2dBackwardInput,
  name: "conv2d-first-backward-input",
  variants: [backwardInput],
  preferred: () => backwardInput.name,
};

/** A row of taps x 4 channels: any kernel size. */
const registerBackwardWeight: Variant<Geometry, BackwardWeightTensors> = {
  name: "register-3x4",
  fits: () => true,
  run: (device, g, { x, dy, dWeight }) => {
    const tiles = g.co4 * Math.ceil(g.kw / 3) * g.kh;
    runSplit(device, dWeight, { invocations: tiles, units: g.n * g.oh }, (partials, splits, rows_per_split) => {
      const { grid, constants } = itemGrid(device, tiles * splits);
      const params = { ...g, splits, rows_per_split };
      device.run(kernels.conv2dFirstBackwardWeight, { x, dy, partials }, params, grid, constants);
    });
  },
};

/** All nine taps x 4 channels. */
const rowsBackwardWeight: Variant<Geometry, BackwardWeightTensors> = {
  name: "rows-9x4",
  fits: byRows,
  run: (device, g, { x, dy, dWeight }) => {
    runSplit(device, dWeight, { invocations: g.co4, units: g.n * g.oh }, (partials, splits, share) => {
      const { grid, constants } = itemGrid(device, g.co4 * splits);
      const params = { ...g, splits, share, run: rowsOfShortSum(g) };
      const values = { ...constants, STRIDE: g.stride };
      device.run(kernels.conv2dFirstBackwardWeightRows, { x, dy, partials }, params, grid, values);
    });
  },
};

/** Gradient by the weight, for an input of one channel. */
export const conv2dFirstBackwardWeight: Operation<Geometry, BackwardWeightTensors> = {
  ...conv2dBackwardWeight,
  name: "conv2d-first-backward-weight",
  variants: [registerBackwardWeight, rowsBackwardWeight],
  preferred: (device, g) => (byRows(device, g) ? rowsBackwardWeight : registerBackwardWeight).name,
};
