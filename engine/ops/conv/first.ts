import * as kernels from "../../generated/kernels.js";
import { itemGrid } from "../../stream.js";
import type { Operation, Variant } from "../../tuning/operation.js";
import { type BackwardInputTensors, conv2dBackwardInput } from "./backwardInput.js";
import { type BackwardWeightTensors, conv2dBackwardWeight, runSplit } from "./backwardWeight.js";
import { conv2dForward, type ForwardTensors } from "./forward.js";
import type { Geometry } from "./geometry.js";
import { pixelGrid } from "./grid.js";

/** The first layer: images of one channel, unpadded in memory, have kernels of their own. */

const forward: Variant<Geometry, ForwardTensors> = {
  name: "register-4x8",
  fits: () => true,
  run: (device, g, { x, weight, bias, y }) => {
    const { grid, constants } = pixelGrid(device, g.n * g.oh * g.ow, g.co4);
    const params = { ...g, has_bias: bias ? 1 : 0 };
    device.run(kernels.conv2dFirstForward, { x, weight, bias: bias ?? weight, y }, params, grid, constants);
  },
};

export const conv2dFirstForward: Operation<Geometry, ForwardTensors> = {
  ...conv2dForward,
  name: "conv2d-first-forward",
  variants: [forward],
  preferred: () => forward.name,
};

const backwardInput: Variant<Geometry, BackwardInputTensors> = {
  name: "item",
  fits: () => true,
  run: (device, g, tensors) => {
    const { grid, constants } = itemGrid(device, g.n * g.h * g.w);
    device.run(kernels.conv2dFirstBackwardInput, tensors, g, grid, constants);
  },
};

export const conv2dFirstBackwardInput: Operation<Geometry, BackwardInputTensors> = {
  ...conv2dBackwardInput,
  name: "conv2d-first-backward-input",
  variants: [backwardInput],
  preferred: () => backwardInput.name,
};

const backwardWeight: Variant<Geometry, BackwardWeightTensors> = {
  name: "register-3x4",
  fits: () => true,
  run: (device, g, { x, dy, dWeight }) => {
    const tiles = g.co4 * Math.ceil(g.kw / 3) * g.kh;
    runSplit(device, dWeight, { invocations: tiles, units: g.n * g.oh }, (partials, splits, rows_per_split) => {
      const { grid, constants } = itemGrid(device, tiles * splits);
      device.run(
        kernels.conv2dFirstBackwardWeight,
        { x, dy, partials },
        { ...g, splits, rows_per_split },
        grid,
        constants,
      );
    });
  },
};

export const conv2dFirstBackwardWeight: Operation<Geometry, BackwardWeightTensors> = {
  ...conv2dBackwardWeight,
  name: "conv2d-first-backward-weight",
  variants: [backwardWeight],
  preferred: () => backwardWeight.name,
};
