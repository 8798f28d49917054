import type { Device } from "../../device.js";
import * as kernels from "../../generated/kernels.js";
import type { Tensor } from "../../tensor.js";
import type { Operation, Variant } from "../../tuning/operation.js";
import { flops, type Geometry, shapeClass } from "./geometry.js";
import { broadcasts, pixelGrid, tileGrid } from "./grid.js";

/** dy [N,OH,OW,O], weight [KH,KW,I,O]; dx [N,H,W,I] is written. */
export type BackwardInputTensors = { dy: Tensor; weight: Tensor; dx: Tensor };

const register: Variant<Geometry, BackwardInputTensors> = {
  name: "register-4x8",
  fits: () => true,
  run: (device, g, t) => runBackwardInput(device, kernels.conv2dBackwardInput, g, t),
};

const broadcast: Variant<Geometry, BackwardInputTensors> = {
  name: "broadcast-4x8",
  fits: broadcasts,
  run: (device, g, t) => runBackwardInput(device, kernels.conv2dBackwardInputSubgroup, g, t),
};

function runBackwardInput(
  device: Device,
  kernel: typeof kernels.conv2dBackwardInput | typeof kernels.conv2dBackwardInputSubgroup,
  g: Geometry,
  tensors: BackwardInputTensors,
): void {
  const { grid, constants } = pixelGrid(device, g.n * g.h * g.w, g.ci4);
  device.run(kernel, tensors, g, grid, constants);
}

function rows(GROUPS: number): Variant<Geometry, BackwardInputTensors> {
  return {
    name: `broadcast-${8 * GROUPS}x32`,
    fits: (device) => broadcasts(device) && device.info.subgroupMaxSize === 8,
    run: (device, g, tensors) => {
      const classRows = g.n * Math.ceil(g.h / g.stride) * Math.ceil(g.w / g.stride);
      const grid = tileGrid(classRows, 8 * GROUPS, g.stride ** 2 * Math.ceil(g.ci4 / 8));
      const constants = { GROUPS, BY_POSITION: g.h * g.w <= 16 * g.stride ** 2 };
      device.run(kernels.conv2dBackwardInputBroadcast, tensors, g, grid, constants);
    },
  };
}

/** Gradient of a convolution by an input of two channels or more. */
export const conv2dBackwardInput: Operation<Geometry, BackwardInputTensors> = {
  name: "conv2d-backward-input",
  variants: [register, broadcast, rows(1), rows(2), rows(4)],
  preferred: (device) => (broadcasts(device) ? broadcast.name : register.name),
  shapeClass,
  scratch: (device, g) => ({
    dy: device.empty([g.n, g.oh, g.ow, 4 * g.co4], "scratch dy"),
    weight: device.empty([g.kh, g.kw, g.ci, 4 * g.co4], "scratch weight"),
    dx: device.empty([g.n, g.h, g.w, g.ci], "scratch dx"),
  }),
  flops,
};
