import type { Device, Grid } from "./device.js";
import * as kernels from "./generated/kernels.js";
import type { Tensor } from "./tensor.js";

/**
 * How work is cut for the adapter: threads per workgroup, vec4 a thread streams, and how many invocations keep it busy.
 * A CPU adapter runs one subgroup at a time per core, so small workgroups waste no lanes there.
 */
export interface WorkShape {
  readonly threads: number;
  readonly steps: number;
  readonly invocations: number;
}

export function workShape(device: Device): WorkShape {
  return device.workFor === "cpu"
    ? { threads: 8, steps: 64, invocations: 512 }
    : { threads: 64, steps: 16, invocations: 32768 };
}

const mostPerAxis = 65535;

/** A grid of at least `workgroups`, folded over x and y; kernels take the index `wid.y * nwg.x + wid.x`. */
export function fold(workgroups: number): Grid {
  if (workgroups <= mostPerAxis) return [Math.max(1, workgroups), 1, 1];
  const rows = Math.ceil(workgroups / mostPerAxis);
  return [Math.ceil(workgroups / rows), rows, 1];
}

/** Grid and constants for a kernel with one invocation per item. */
export function itemGrid(device: Device, items: number): { grid: Grid; constants: { WG: number } } {
  const WG = workShape(device).threads;
  return { grid: fold(Math.ceil(items / WG)), constants: { WG } };
}

/** Grid and constants for a streaming kernel over `count` vec4. */
export function streamGrid(device: Device, count: number): { grid: Grid; constants: { WG: number; STEPS: number } } {
  const { threads: WG, steps } = workShape(device);
  const wanted = Math.max(1, Math.min(steps, Math.ceil(count / (WG * 8))));
  // A power of two: few variants to compile.
  const STEPS = 2 ** Math.floor(Math.log2(wanted));
  return { grid: fold(Math.ceil(count / (WG * STEPS))), constants: { WG, STEPS } };
}

/**
 * Grid and constants for a kernel that streams rows of [rows, 4*c4]: an invocation takes one vec4 column of STEPS consecutive
 * rows, so that neighbours read neighbouring channels, whatever c4 is.
 */
export function columnGrid(
  device: Device,
  rows: number,
  c4: number,
): { grid: Grid; constants: { WG: number; STEPS: number } } {
  const { threads: WG, steps } = workShape(device);
  const wanted = Math.max(1, Math.min(steps, Math.ceil((rows * c4) / (WG * 8))));
  const STEPS = 2 ** Math.floor(Math.log2(wanted));
  return { grid: fold(Math.ceil((c4 * Math.ceil(rows / STEPS)) / WG)), constants: { WG, STEPS } };
}

/** vec4 that cover a tensor. */
export function vec4Count(tensor: Tensor): number {
  return Math.ceil(tensor.paddedSize / 4);
}

/**
 * How a reduction over `rows` is split so that `tiles` x splits keeps the adapter busy: a function of the sizes and the adapter
 * alone, so that sums are taken in the same order every time.
 */
export function splitRows(
  device: Device,
  rows: number,
  tiles: number,
  mostSplits = Number.POSITIVE_INFINITY,
): { splits: number; rowsPerSplit: number } {
  const wanted = Math.max(1, Math.min(rows, mostSplits, Math.ceil(workShape(device).invocations / tiles)));
  const rowsPerSplit = Math.ceil(rows / wanted);
  return { splits: Math.ceil(rows / rowsPerSplit), rowsPerSplit };
}

/** target[...] = value. The padding is filled too: for tensors of one element, and for zeros. */
export function fill(device: Device, target: Tensor, value: number): void {
  const count = vec4Count(target);
  const { grid, constants } = streamGrid(device, count);
  device.run(kernels.fill, { out: target }, { count, value }, grid, constants);
}

/** target += source. */
export function addInPlace(device: Device, target: Tensor, source: Tensor): void {
  const count = vec4Count(target);
  const { grid, constants } = streamGrid(device, count);
  device.run(kernels.addInPlace, { target_: target, source }, { count }, grid, constants);
}

/** Splits from which a GPU adds groups of them side by side first: one invocation for all would leave it idle. */
const manySplits = 64;

/** out = sum over the leading `splits` of partials, times `scale`. */
export function reducePartials(device: Device, partials: Tensor, out: Tensor, splits: number, scale = 1): void {
  if (device.workFor === "cpu" || splits <= manySplits) {
    reduceGroups(device, partials, out, splits, splits, scale);
    return;
  }
  const group = Math.ceil(Math.sqrt(splits));
  const groups = Math.ceil(splits / group);
  const sums = device.empty([groups, vec4Count(out) * 4], "partial sums");
  reduceGroups(device, partials, sums, splits, group, 1);
  reduceGroups(device, sums, out, groups, groups, scale);
  device.release(sums);
}

function reduceGroups(
  device: Device,
  partials: Tensor,
  out: Tensor,
  splits: number,
  group: number,
  scale: number,
): void {
  const groups = Math.ceil(splits / group);
  const count = Math.ceil(vec4Count(out) / groups);
  const { grid, constants } = streamGrid(device, count);
  device.run(
    kernels.reducePartials,
    { partials, out },
    { count, splits, group, scale },
    [grid[0], grid[1], groups],
    constants,
  );
}
