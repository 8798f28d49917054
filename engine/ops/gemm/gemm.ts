import type { Device } from "../../device.js";
import type { Tensor } from "../../tensor.js";
import { type Operation, perform } from "../../tuning/operation.js";
import { broadcasts } from "../conv/grid.js";
import { flops, type GemmTensors, type Geometry, gemmGeometry, type Layout, shapeClass } from "./geometry.js";
import { gemmVariants } from "./variants.js";

/** out [m,n] = A B (+ bias), by how the operands lie in memory. */
export const gemm: Readonly<Record<Layout, Operation<Geometry, GemmTensors>>> = {
  nn: gemmOperation("nn"),
  nt: gemmOperation("nt"),
  tn: gemmOperation("tn"),
  tt: gemmOperation("tt"),
};

function gemmOperation(layout: Layout): Operation<Geometry, GemmTensors> {
  const [aT, bT] = [layout[0] === "t", layout[1] === "t"];
  return {
    name: `gemm-${layout}`,
    variants: gemmVariants(layout),
    preferred,
    shapeClass: (g) => shapeClass(layout, g),
    scratch: (device, { m, n, k, m4, n4, k4 }) => ({
      a: device.empty(aT ? [k, 4 * m4] : [m, 4 * k4], "scratch a"),
      b: device.empty(bT ? [n, 4 * k4] : [k, 4 * n4], "scratch b"),
      bias: null,
      out: device.empty([m, 4 * n4], "scratch out"),
    }),
    flops,
  };
}

function preferred(device: Device, g: Geometry): string {
  if (device.workFor === "gpu") return g.m > 16 && g.n > 16 ? "workgroup-64x64" : "register-4x8";
  if (!broadcasts(device)) return g.m > 4 ? "register-8x8" : "register-4x8";
  return g.m > 8 ? "broadcast-16x4L" : "broadcast-8x4L";
}

export interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** out [m,n] = A B (+ bias), by the chosen variant. No tensor may be unpadded in memory, as [...,1] is. */
export function multiply(
  device: Device,
  layout: Layout,
  { m, n, k }: Sizes,
  { bias = null, ...tensors }: Omit<GemmTensors, "bias"> & { bias?: Tensor | null },
): void {
  perform(device, gemm[layout], gemmGeometry(m, n, k), { ...tensors, bias });
}
