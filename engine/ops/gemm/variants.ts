import type { Device } from "../../device.js";
import * as kernels from "../../generated/kernels.js";
import { fold, itemGrid } from "../../stream.js";
import type { Tensor } from "../../tensor.js";
import type { Variant } from "../../tuning/operation.js";
import { broadcasts } from "../conv/grid.js";
import { type Cut, cut, type GemmTensors, type Geometry, type Layout } from "./geometry.js";

export interface GemmVariant extends Variant<Geometry, GemmTensors> {
  /** Rows and columns of out that are computed together. */
  tile(device: Device): readonly [rows: number, columns: number];
}

type Flags = { readonly TA: boolean; readonly TB: boolean };

/** Every way to compute a product whose operands lie so. L in a name stands for the lanes of a subgroup. */
export function gemmVariants(layout: Layout): GemmVariant[] {
  const flags = { TA: layout[0] === "t", TB: layout[1] === "t" };
  return [
    register(flags, 1),
    register(flags, 2),
    broadcast(flags, 1),
    broadcast(flags, 2),
    broadcast(flags, 3),
    broadcast(flags, 4),
    broadcastRows(flags, 1),
    broadcastRows(flags, 2),
    workgroup(flags, 64, 1),
    workgroup(flags, 128, 2),
  ];
}

/** No sharing between invocations: 4 or 8 rows x 8 columns each. */
function register(flags: Flags, QUADS: 1 | 2): GemmVariant {
  return {
    name: `register-${4 * QUADS}x8`,
    tile: () => [4 * QUADS, 8],
    fits: () => true,
    run: (device, g, tensors) => {
      const shares = cut(device, g, 4 * QUADS, 8, 1);
      const { grid, constants } = itemGrid(device, shares.row_tiles * shares.column_tiles * shares.splits);
      runSplit(device, g, tensors, shares, (operands, params) =>
        device.run(kernels.gemmRegister, operands, params, grid, { ...flags, ...constants, QUADS }),
      );
    },
  };
}

/** Rows of A are broadcast among the lanes of a subgroup, which hold 4 columns each. */
function broadcast(flags: Flags, SETS: 1 | 2 | 3 | 4): GemmVariant {
  return {
    name: `broadcast-${8 * SETS}x4L`,
    tile: ({ info }) => [8 * SETS, 4 * info.subgroupMaxSize],
    fits: broadcasts,
    run: (device, g, tensors) => {
      const WG = device.info.subgroupMaxSize;
      const shares = cut(device, g, 8 * SETS, 4 * WG, WG);
      runSplit(device, g, tensors, shares, (operands, params) =>
        device.run(kernels.gemmBroadcast, operands, params, tileGrid(shares), { ...flags, WG, SETS }),
      );
    },
  };
}

/** Columns of B are broadcast among the lanes of a subgroup, which hold 4 rows each. */
function broadcastRows(flags: Flags, SETS: 1 | 2): GemmVariant {
  return {
    name: `broadcast-4Lx${8 * SETS}`,
    tile: ({ info }) => [4 * info.subgroupMaxSize, 8 * SETS],
    fits: broadcasts,
    run: (device, g, tensors) => {
      const WG = device.info.subgroupMaxSize;
      const shares = cut(device, g, 4 * WG, 8 * SETS, WG);
      runSplit(device, g, tensors, shares, (operands, params) =>
        device.run(kernels.gemmBroadcastRows, operands, params, tileGrid(shares), { ...flags, WG, SETS }),
      );
    },
  };
}

/** Tiles in workgroup memory, 8 rows x 4 or 8 columns an invocation. */
function workgroup(flags: Flags, TILE: 64 | 128, QUADS: 1 | 2): GemmVariant {
  const WG = ((TILE / 8) * TILE) / (4 * QUADS);
  return {
    name: `workgroup-${TILE}x${TILE}`,
    tile: () => [TILE, TILE],
    fits: (device) =>
      device.limits.maxComputeInvocationsPerWorkgroup >= WG &&
      device.limits.maxComputeWorkgroupStorageSize >= 2 * 4 * TILE * 16,
    run: (device, g, tensors) => {
      const shares = cut(device, g, TILE, TILE, WG);
      runSplit(device, g, tensors, shares, (operands, params) =>
        device.run(kernels.gemmWorkgroup, operands, params, tileGrid(shares), { ...flags, WG, TILE, QUADS }),
      );
    },
  };
}

function tileGrid({ row_tiles, column_tiles, splits }: Cut): readonly [number, number, number] {
  return fold(row_tiles * column_tiles * splits);
}

type Operands = { a: Tensor; b: Tensor; bias: Tensor; out: Tensor };

/** Dispatches the product, into partial sums where k is split, and then adds these up; the bias is added last. */
function runSplit(
  device: Device,
  g: Geometry,
  { a, b, bias, out }: GemmTensors,
  shares: Cut,
  dispatch: (operands: Operands, params: Geometry & Cut & { has_bias: number }) => void,
): void {
  const { splits } = shares;
  const has_bias = bias ? 1 : 0;
  if (splits === 1) {
    dispatch({ a, b, bias: bias ?? a, out }, { ...g, ...shares, has_bias });
    return;
  }
  const partials = device.empty([splits, g.m, 4 * g.n4], "gemm partials");
  dispatch({ a, b, bias: a, out: partials }, { ...g, ...shares, has_bias: 0 });
  const count = g.m * g.n4;
  const sums = itemGrid(device, count);
  const params = { count, splits, n4: g.n4, has_bias };
  device.run(kernels.gemmReduce, { partials, bias: bias ?? a, out }, params, sums.grid, sums.constants);
  device.release(partials);
}
