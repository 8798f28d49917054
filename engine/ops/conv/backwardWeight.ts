import type { Device } from "../../device.js";
import * as kernels from "../../generated/kernels.js";
import { itemGrid, reducePartials, splitRows } from "../../stream.js";
import type { Tensor } from "../../tensor.js";
import type { Operation, Variant } from "../../tuning/operation.js";
import { flops, type Geometry, shapeClass } from "./geometry.js";

/** x [N,H,W,I], dy [N,OH,OW,O]; dWeight [KH,KW,I,O] is written. */
export type BackwardWeightTensors = { x: Tensor; dy: Tensor; dWeight: Tensor };

const register: Variant<Geometry, BackwardWeightTensors> = {
  name: "register-8x8",
  fits: () => true,
  run: (device, g, { x, dy, dWeight }) => {
    const tiles = g.kh * g.kw * Math.ceil(g.ci4 / 2) * Math.ceil(g.co4 / 2);
    runSplit(device, g, dWeight, tiles, (partials, shares) => {
      const { grid, constants } = itemGrid(device, tiles * shares.splits);
      device.run(kernels.conv2dBackwardWeight, { x, dy, partials }, { ...g, ...shares }, grid, constants);
    });
  },
};

/** Gradient of a convolution by its weight, for an input of two channels or more. */
export const conv2dBackwardWeight: Operation<Geometry, BackwardWeightTensors> = {
  name: "conv2d-backward-weight",
  variants: [register],
  preferred: () => register.name,
  shapeClass,
  scratch: (device, g) => ({
    x: device.empty([g.n, g.h, g.w, g.ci], "scratch x"),
    dy: device.empty([g.n, g.oh, g.ow, 4 * g.co4], "scratch dy"),
    dWeight: device.empty([g.kh, g.kw, g.ci, 4 * g.co4], "scratch dWeight"),
  }),
  flops,
};

/** How the output rows are shared out, as the params of the kernels say it. */
export interface Shares {
  readonly tiles: number;
  readonly splits: number;
  readonly rows_per_split: number;
}

/** Computes `tiles` tiles for each of several shares of the output rows by `dispatch`, and adds the shares up. */
export function runSplit(
  device: Device,
  g: Geometry,
  dWeight: Tensor,
  tiles: number,
  dispatch: (partials: Tensor, shares: Shares) => void,
): void {
  const { splits, rowsPerSplit } = splitRows(device, g.n * g.oh, tiles, mostSplits(device, dWeight));
  const partials = splits === 1 ? dWeight : device.empty([splits, dWeight.paddedSize], "conv2d dWeight partials");
  dispatch(partials, { tiles, splits, rows_per_split: rowsPerSplit });
  if (splits === 1) return;
  reducePartials(device, partials, dWeight, splits);
  device.release(partials);
}

/** Partial sums must fit one binding; a quarter of it keeps the pool small. */
export function mostSplits(device: Device, dWeight: Tensor): number {
  return Math.max(1, Math.floor(device.limits.maxStorageBufferBindingSize / 4 / dWeight.bytes));
}
