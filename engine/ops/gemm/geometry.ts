import type { Device } from "../../device.js";
import { workShape } from "../../stream.js";
import type { Tensor } from "../../tensor.js";
import { octave } from "../../tuning/operation.js";

/** How the operands of a product lie in memory: A is [m,k] (N) or [k,m] (T), B is [k,n] (N) or [n,k] (T). */
export type Layout = "nn" | "nt" | "tn" | "tt";

/** Sizes of a matrix product [m,k] x [k,n], and what they take in memory in vec4 where they are a last axis. */
export interface Geometry {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly m4: number;
  readonly n4: number;
  readonly k4: number;
}

/** bias [n] or null; out [m,n] is written. The last axis of no tensor may be unpadded, as [..,1] is. */
export type GemmTensors = { a: Tensor; b: Tensor; bias: Tensor | null; out: Tensor };

export function gemmGeometry(m: number, n: number, k: number): Geometry {
  return { m, n, k, m4: Math.ceil(m / 4), n4: Math.ceil(n / 4), k4: Math.ceil(k / 4) };
}

/** Two per multiply-add; the padding does not count. */
export function flops({ m, n, k }: Geometry): number {
  return 2 * m * n * k;
}

/** The two short sizes are exact; rows of an image batch (m, or k where A is transposed) to a power of two. */
export function shapeClass(layout: Layout, { m, n, k }: Geometry): string {
  return layout === "tn" ? `${m}x${n} k${octave(k)}` : `m${octave(m)} ${k}->${n}`;
}

/** How a product is cut, as the params of the kernels say it. */
export interface Cut {
  readonly row_tiles: number;
  readonly column_tiles: number;
  readonly splits: number;
  /** Steps of 4 k. */
  readonly steps_per_split: number;
}

/**
 * Tiles of out, and shares of k where there are too few tiles to keep the adapter busy: a function of sizes and kind of
 * adapter alone. A share is long enough to outweigh its trip through memory.
 * @param rows of a tile @param columns of a tile @param threads that share a tile
 */
export function cut(device: Device, g: Geometry, rows: number, columns: number, threads: number): Cut {
  const { invocations } = workShape(device);
  const shortest = device.workFor === "cpu" ? 64 : 16;
  const tiles = { row_tiles: Math.ceil(g.m / rows), column_tiles: Math.ceil(g.n / columns) };
  const steps = Math.ceil(g.k / 4);
  const most = Math.floor(device.limits.maxStorageBufferBindingSize / 4 / (16 * g.m * g.n4));
  const wanted = Math.floor(invocations / threads / (tiles.row_tiles * tiles.column_tiles));
  const splits = Math.max(1, Math.min(wanted, most, Math.floor(steps / shortest)));
  const stepsPerSplit = Math.ceil(steps / splits);
  return { ...tiles, splits: Math.ceil(steps / stepsPerSplit), steps_per_split: stepsPerSplit };
}
