import * as kernels from "../../generated/kernels.js";
import type { Tensor } from "../../tensor.js";
import type { Operation, Variant } from "../../tuning/operation.js";
import { flops, type Geometry, shapeClass } from "./geometry.js";
import {
  broadcasts,
  broadcastsToEight,
  broadcastTiles,
  fitsWorkgroup,
  invocationThreads,
  pixelBlocks,
  preferredTile,
  registerHalves,
  registerWorthTiming,
  tileGrid,
  workgroupTiles,
} from "./grid.js";

/** dy [N,OH,OW,O], weight [KH,KW,I,O]; dx [N,H,W,I] is written. */
export type BackwardInputTensors = { dy: Tensor; weight: Tensor; dx: Tensor };

type BackwardInputVariant = Variant<Geometry, BackwardInputTensors>;

/** Images of few pixels (of one class) are taken position by position, so that a tile shares the taps it leaves out. */
function byPosition(g: Geometry): boolean {
  return g.h * g.w <= 16 * g.stride ** 2;
}

const register = registerHalves.map(
  (HALVES): BackwardInputVariant => ({
    name: `register-${4 * HALVES}x8`,
    fits: () => true,
    worthTiming: registerWorthTiming(HALVES),
    run: (device, g, tensors) => {
      const WG = invocationThreads(device, "register");
      const grid = tileGrid(classPixels(g), 4 * HALVES * WG, g.stride ** 2 * Math.ceil(g.ci4 / 2));
      device.run(kernels.conv2dBackwardInputRegister, tensors, g, grid, { WG, HALVES });
    },
  }),
);

const pixels = pixelBlocks.map(
  (BLOCKS): BackwardInputVariant => ({
    name: `pixels-4x${4 * BLOCKS}`,
    fits: broadcasts,
    run: (device, g, tensors) => {
      const WG = invocationThreads(device, "pixels");
      const grid = tileGrid(classPixels(g), 4 * WG, g.stride ** 2 * Math.ceil(g.ci4 / BLOCKS));
      device.run(kernels.conv2dBackwardInputPixels, tensors, g, grid, { WG, BLOCKS });
    },
  }),
);

const broadcast = broadcastTiles.map(
  (GROUPS): BackwardInputVariant => ({
    name: `broadcast-${8 * GROUPS}x32`,
    fits: broadcastsToEight,
    run: (device, g, tensors) => {
      const grid = tileGrid(classPixels(g), 8 * GROUPS, g.stride ** 2 * Math.ceil(g.ci4 / 8));
      const constants = { GROUPS, BY_POSITION: byPosition(g) };
      device.run(kernels.conv2dBackwardInputBroadcast, tensors, g, grid, constants);
    },
  }),
);

const workgroup = workgroupTiles.map(
  (tile): BackwardInputVariant => ({
    name: `workgroup-${tile.TILE}x${tile.TILE}`,
    fits: (device) => fitsWorkgroup(device, tile),
    run: (device, g, tensors) => {
      const grid = tileGrid(classPixels(g), tile.TILE, g.stride ** 2 * Math.ceil((4 * g.ci4) / tile.TILE));
      device.run(kernels.conv2dBackwardInputWorkgroup, tensors, g, grid, { ...tile });
    },
  }),
);

/** Pixels of the largest class: those of one remainder by stride in y and x, which meet the same taps. */
function classPixels(g: Geometry): number {
  return g.n * Math.ceil(g.h / g.stride) * Math.ceil(g.w / g.stride);
}

/** Gradient of a convolution by an input of two channels or more. */
export const conv2dBackwardInput: Operation<Geometry, BackwardInputTensors> = {
  name: "conv2d-backward-input",
  variants: [...register, ...pixels, ...broadcast, ...workgroup],
  preferred: (device, g) =>
    preferredTile(device, { pixels: classPixels(g), channels4: g.ci4, images: g.n, byPosition: byPosition(g) }),
  shapeClass,
  scratch: (device, g) => ({
    dy: device.empty([g.n, g.oh, g.ow, 4 * g.co4], "scratch dy"),
    weight: device.empty([g.kh, g.kw, g.ci, 4 * g.co4], "scratch weight"),
    dx: device.empty([g.n, g.h, g.w, g.ci], "scratch dx"),
  }),
  flops,
};
