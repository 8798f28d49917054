import * as kernels from "../../generated/kernels.js";
import type { Tensor } from "../../tensor.js";
import type { Operation, Variant } from "../../tuning/operation.js";
import { flops, type Geometry, shapeClass } from "./geometry.js";
import {
  broadcasts,
  broadcastsToEight,
  broadcastTiles,
  fitsWorkgroup,
  type InvocationTile,
  invocationThreads,
  pixelTiles,
  preferredTile,
  registerTiles,
  tileGrid,
  workgroupTiles,
} from "./grid.js";

/** dy [N,OH,OW,O], weight [KH,KW,I,O]; dx [N,H,W,I] is written. */
export type BackwardInputTensors = { dy: Tensor; weight: Tensor; dx: Tensor };

type BackwardInputVariant = Variant<Geometry, BackwardInputTensors>;

/** Images of few pixels (of one class) are taken position by position, so that a tile shares the taps it leaves out. */
const fewPixels = 16;

const registers = registerTiles.map((tile) => invocationVariant("register", kernels.conv2dBackwardInputRegister, tile));
const pixels = pixelTiles.map((tile) => invocationVariant("pixels", kernels.conv2dBackwardInputPixels, tile));

/** One invocation per tile of pixels x channels. */
function invocationVariant(
  kind: "register" | "pixels",
  kernel: typeof kernels.conv2dBackwardInputRegister | typeof kernels.conv2dBackwardInputPixels,
  { halves: HALVES, blocks: BLOCKS }: InvocationTile,
): BackwardInputVariant {
  return {
    name: `${kind}-${4 * HALVES}x${4 * BLOCKS}`,
    fits: (device) => kind === "register" || broadcasts(device),
    run: (device, g, tensors) => {
      const WG = invocationThreads(device, kind);
      const grid = tileGrid(classPixels(g), 4 * HALVES * WG, g.stride ** 2 * Math.ceil(g.ci4 / BLOCKS));
      device.run(kernel, tensors, g, grid, { WG, HALVES, BLOCKS });
    },
  };
}

const broadcast = broadcastTiles.map(
  (GROUPS): BackwardInputVariant => ({
    name: `broadcast-${8 * GROUPS}x32`,
    fits: broadcastsToEight,
    run: (device, g, tensors) => {
      const grid = tileGrid(classPixels(g), 8 * GROUPS, g.stride ** 2 * Math.ceil(g.ci4 / 8));
      const constants = { GROUPS, BY_POSITION: g.h * g.w <= fewPixels * g.stride ** 2 };
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
  variants: [...registers, ...pixels, ...broadcast, ...workgroup],
  preferred: (device, g) => preferredTile(device, classPixels(g), g.ci4),
  shapeClass,
  scratch: (device, g) => ({
    dy: device.empty([g.n, g.oh, g.ow, 4 * g.co4], "scratch dy"),
    weight: device.empty([g.kh, g.kw, g.ci, 4 * g.co4], "scratch weight"),
    dx: device.empty([g.n, g.h, g.w, g.ci], "scratch dx"),
  }),
  flops,
};
