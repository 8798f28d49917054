import type { Device } from "../../device.js";
import type { Tensor } from "../../tensor.js";
import { type Operation, perform } from "../../tuning/operation.js";
import { flops, type GemmTensors, type Geometry, gemmGeometry, type Layout, shapeClass } from "./geometry.js";
import { type GemmVariant, gemmVariants } from "./variants.js";

/** out [m,n] = A B (+ bias), by how the operands lie in memory. */
export const gemm: Readonly<Record<Layout, Operation<Geometry, GemmTensors>>> = {
  nn: gemmOperation("nn"),
  nt: gemmOperation("nt"),
  tn: gemmOperation("tn"),
  tt: gemmOperation("tt"),
};

function gemmOperation(layout: Layout): Operation<Geometry, GemmTensors> {
  const [aT, bT] = [layout[0] === "t", layout[1] === "t"];
  const variants = gemmVariants(layout);
  return {
    name: `gemm-${layout}`,
    variants,
    preferred: (device, g) => preferred(device, g, variants),
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

/**
 * How fast variants compute whole tiles. On CPU adapters: GFLOP/s on lavapipe with 2 cores and 8 lanes. On GPUs: relative,
 * by reasoning: a tile in workgroup memory reads an operand's element once for 64 products, the register tile for 4 or 8;
 * the 128x128 tile needs twice the registers of the other and four times the rows, so it is left to the tuner.
 */
const rates: Readonly<Record<"cpu" | "gpu", Readonly<Record<string, number>>>> = {
  cpu: {
    "register-4x8": 13.5,
    "register-8x8": 13.5,
    "broadcast-8x4L": 26,
    "broadcast-16x4L": 40,
    "broadcast-24x4L": 45,
    "broadcast-32x4L": 43,
    "broadcast-4Lx8": 28,
    "broadcast-4Lx16": 40,
  },
  gpu: { "register-4x8": 1, "workgroup-64x64": 4 },
};

/** The variant that computes all its tiles in the least time, the spare rows and columns of the last ones included. */
function preferred(device: Device, g: Geometry, variants: readonly GemmVariant[]): string {
  let [best, least] = ["register-4x8", Number.POSITIVE_INFINITY];
  for (const variant of variants) {
    const rate = rates[device.workFor][variant.name];
    if (rate === undefined || !variant.fits(device, g)) continue;
    const [rows, columns] = variant.tile(device);
    const cost = (Math.ceil(g.m / rows) * rows * Math.ceil(g.n / columns) * columns) / rate;
    if (cost < least) [best, least] = [variant.name, cost];
  }
  return best;
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
