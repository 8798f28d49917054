import type { Device } from "../../device.js";
import * as kernels from "../../generated/kernels.js";
import type { Tensor } from "../../tensor.js";
import type { Operation, Variant } from "../../tuning/operation.js";
import { flops, type Geometry, shapeClass } from "./geometry.js";
import { broadcasts, pixelGrid, tileGrid } from "./grid.js";

/** x [N,H,W,I], weight [KH,KW,I,O], bias [O] or null; y [N,OH,OW,O] is written. */
export type ForwardTensors = { x: Tensor; weight: Tensor; bias: Tensor | null; y: Tensor };

const register: Variant<Geometry, ForwardTensors> = {
  name: "register-4x8",
  fits: () => true,
  run: (device, g, t) => runForward(device, kernels.conv2dForward, g, t),
};

const broadcast: Variant<Geometry, ForwardTensors> = {
  name: "broadcast-4x8",
  fits: broadcasts,
  run: (device, g, t) => runForward(device, kernels.conv2dForwardSubgroup, g, t),
};

function runForward(
  device: Device,
  kernel: typeof kernels.conv2dForward | typeof kernels.conv2dForwardSubgroup,
  g: Geometry,
  { x, weight, bias, y }: ForwardTensors,
): void {
  const { grid, constants } = pixelGrid(device, g.n * g.oh * g.ow, g.co4);
  const params = { ...g, has_bias: bias ? 1 : 0 };
  device.run(kernel, { x, weight, bias: bias ?? weight, y }, params, grid, constants);
}

function rows(GROUPS: number): Variant<Geometry, ForwardTensors> {
  return {
    name: `broadcast-${8 * GROUPS}x32`,
    fits: (device) => broadcasts(device) && device.info.subgroupMaxSize === 8,
    run: (device, g, { x, weight, bias, y }) => {
      const grid = tileGrid(g.n * g.oh * g.ow, 8 * GROUPS, Math.ceil(g.co4 / 8));
      const params = { ...g, has_bias: bias ? 1 : 0 };
      const constants = { GROUPS, RUNS: g.ci4 > 16, BY_POSITION: g.oh * g.ow <= 16 };
      device.run(kernels.conv2dForwardBroadcast, { x, weight, bias: bias ?? weight, y }, params, grid, constants);
    },
  };
}

/** Convolution of an input of two channels or more. */
export const conv2dForward: Operation<Geometry, ForwardTensors> = {
  name: "conv2d-forward",
  variants: [register, broadcast, rows(1), rows(2), rows(4)],
  preferred: (device) => (broadcasts(device) ? broadcast.name : register.name),
  shapeClass,
  scratch: (device, g) => ({
    x: device.empty([g.n, g.h, g.w, g.ci], "scratch x"),
    weight: device.empty([g.kh, g.kw, g.ci, 4 * g.co4], "scratch weight"),
    bias: null,
    y: device.empty([g.n, g.oh, g.ow, 4 * g.co4], "scratch y"),
  }),
  flops,
};
