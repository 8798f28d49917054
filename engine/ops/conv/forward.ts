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

/** x [N,H,W,I], weight [KH,KW,I,O], bias [O] or null; y [N,OH,OW,O] is written. */
export type ForwardTensors = { x: Tensor; weight: Tensor; bias: Tensor | null; y: Tensor };

type ForwardVariant = Variant<Geometry, ForwardTensors>;

/** Steps of 4 channels that a kernel sums at a stretch (`RUN`); more of them take another level of sums. */
const run = 16;

/** Images of few pixels are taken position by position, so that a tile shares the taps it leaves out. */
function byPosition(g: Geometry): boolean {
  return g.oh * g.ow <= 16;
}

const register = registerHalves.map(
  (HALVES): ForwardVariant => ({
    name: `register-${4 * HALVES}x8`,
    fits: () => true,
    worthTiming: registerWorthTiming(HALVES),
    run: (device, g, tensors) => {
      const WG = invocationThreads(device, "register");
      const grid = tileGrid(g.n * g.oh * g.ow, 4 * HALVES * WG, Math.ceil(g.co4 / 2));
      device.run(kernels.conv2dForwardRegister, operands(tensors), params(g, tensors), grid, {
        WG,
        HALVES,
        RUNS: g.ci4 > run,
      });
    },
  }),
);

const pixels = pixelBlocks.map(
  (BLOCKS): ForwardVariant => ({
    name: `pixels-4x${4 * BLOCKS}`,
    fits: broadcasts,
    run: (device, g, tensors) => {
      const WG = invocationThreads(device, "pixels");
      const grid = tileGrid(g.n * g.oh * g.ow, 4 * WG, Math.ceil(g.co4 / BLOCKS));
      device.run(kernels.conv2dForwardPixels, operands(tensors), params(g, tensors), grid, {
        WG,
        BLOCKS,
        RUNS: g.ci4 > run,
      });
    },
  }),
);

const broadcast = broadcastTiles.map(
  (GROUPS): ForwardVariant => ({
    name: `broadcast-${8 * GROUPS}x32`,
    fits: broadcastsToEight,
    run: (device, g, tensors) => {
      const grid = tileGrid(g.n * g.oh * g.ow, 8 * GROUPS, Math.ceil(g.co4 / 8));
      const constants = { GROUPS, RUNS: g.ci4 > run, BY_POSITION: byPosition(g) };
      device.run(kernels.conv2dForwardBroadcast, operands(tensors), params(g, tensors), grid, constants);
    },
  }),
);

const workgroup = workgroupTiles.map(
  (tile): ForwardVariant => ({
    name: `workgroup-${tile.TILE}x${tile.TILE}`,
    fits: (device) => fitsWorkgroup(device, tile),
    run: (device, g, tensors) => {
      const grid = tileGrid(g.n * g.oh * g.ow, tile.TILE, Math.ceil((4 * g.co4) / tile.TILE));
      const constants = { ...tile, RUNS: g.ci4 > run };
      device.run(kernels.conv2dForwardWorkgroup, operands(tensors), params(g, tensors), grid, constants);
    },
  }),
);

function operands({ x, weight, bias, y }: ForwardTensors): { x: Tensor; weight: Tensor; bias: Tensor; y: Tensor } {
  return { x, weight, bias: bias ?? weight, y };
}

function params(g: Geometry, { bias }: ForwardTensors): Geometry & { has_bias: number } {
  return { ...g, has_bias: bias ? 1 : 0 };
}

/** Convolution of an input of two channels or more. */
export const conv2dForward: Operation<Geometry, ForwardTensors> = {
  name: "conv2d-forward",
  variants: [...register, ...pixels, ...broadcast, ...workgroup],
  preferred: (device, g) =>
    preferredTile(device, { pixels: g.n * g.oh * g.ow, channels4: g.co4, images: g.n, byPosition: byPosition(g) }),
  shapeClass,
  scratch: (device, g) => ({
    x: device.empty([g.n, g.h, g.w, g.ci], "scratch x"),
    weight: device.empty([g.kh, g.kw, g.ci, 4 * g.co4], "scratch weight"),
    bias: null,
    y: device.empty([g.n, g.oh, g.ow, 4 * g.co4], "scratch y"),
  }),
  flops,
};
