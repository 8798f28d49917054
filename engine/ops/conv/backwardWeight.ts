import type { Device, Grid } from "../../device.js";
import * as kernels from "../../generated/kernels.js";
import { itemGrid, reducePartials, splitRows } from "../../stream.js";
import type { Tensor } from "../../tensor.js";
import type { Operation, Variant } from "../../tuning/operation.js";
import { flops, type Geometry, shapeClass } from "./geometry.js";
import { broadcasts } from "./grid.js";

/** x [N,H,W,I], dy [N,OH,OW,O]; dWeight [KH,KW,I,O] is written. */
export type BackwardWeightTensors = { x: Tensor; dy: Tensor; dWeight: Tensor };

/** Pixels that are added up one by one at most, where an image is not wider. */
const shortSum = 64;

const register: Variant<Geometry, BackwardWeightTensors> = {
  name: "register-8x8",
  fits: () => true,
  run: (device, g, { x, dy, dWeight }) => {
    const tiles = g.kh * g.kw * Math.ceil(g.ci4 / 2) * Math.ceil(g.co4 / 2);
    runSplit(device, dWeight, { invocations: tiles, units: g.n * g.oh }, (partials, splits, share) => {
      const { grid, constants } = itemGrid(device, tiles * splits);
      const params = { ...g, tiles, splits, share, run: rowsOfShortSum(g) };
      device.run(kernels.conv2dBackwardWeight, { x, dy, partials }, params, grid, constants);
    });
  },
};

/** 4*G output channels x 8 columns of 4 input channels of one tap: any kernel size. */
function broadcast(G: number): Variant<Geometry, BackwardWeightTensors> {
  return {
    name: `broadcast-${4 * G}x32`,
    fits: broadcasts,
    run: (device, g, { x, dy, dWeight }) => {
      const [across, down] = [Math.ceil(g.co4 / G), Math.ceil((g.kh * g.kw * g.ci4) / 8)];
      const cut = { invocations: 8 * across * down, units: g.n * g.oh * g.ow, least: shortSum };
      runSplit(device, dWeight, cut, (partials, splits, share) => {
        const grid: Grid = [across, down, splits];
        device.run(kernels.conv2dBackwardWeightBroadcast, { x, dy, partials }, { ...g, share }, grid, { G });
      });
    },
  };
}

/** 4*G output channels x 8 columns of 4 input channels of three taps side by side. */
function taps(G: number): Variant<Geometry, BackwardWeightTensors> {
  return {
    name: `broadcast-${4 * G}x96`,
    fits: (device, g) => broadcasts(device) && g.kw === 3 && g.stride <= 2,
    run: (device, g, { x, dy, dWeight }) => {
      const [across, down] = [Math.ceil(g.co4 / G), Math.ceil((g.kh * g.ci4) / 8)];
      const cut = { invocations: 8 * across * down, units: g.n * g.oh };
      runSplit(device, dWeight, cut, (partials, splits, share) => {
        const params = { ...g, share, run: rowsOfShortSum(g) };
        const grid: Grid = [across, down, splits];
        device.run(kernels.conv2dBackwardWeightTaps, { x, dy, partials }, params, grid, { G, STRIDE: g.stride });
      });
    },
  };
}

/** TILE (tap, input channel) x TILE output channels in workgroup memory, 16 pixels at a time. */
function workgroup(TILE: 64 | 128): Variant<Geometry, BackwardWeightTensors> {
  const [WG, depth] = [(TILE / 8) ** 2, 16];
  return {
    name: `workgroup-${TILE}x${TILE}`,
    fits: (device) => device.limits.maxComputeInvocationsPerWorkgroup >= WG,
    run: (device, g, { x, dy, dWeight }) => {
      const [across, down] = [Math.ceil((g.co4 * 4) / TILE), Math.ceil((g.kh * g.kw * g.ci4 * 4) / TILE)];
      const units = Math.ceil((g.n * g.oh * g.ow) / depth);
      const cut = { invocations: WG * across * down, units, least: shortSum / depth };
      runSplit(device, dWeight, cut, (partials, splits, share) => {
        const params = { ...g, share: share * depth };
        const grid: Grid = [across, down, splits];
        device.run(kernels.conv2dBackwardWeightWorkgroup, { x, dy, partials }, params, grid, { TILE, WG });
      });
    },
  };
}

/** Gradient of a convolution by its weight, for an input of two channels or more. */
export const conv2dBackwardWeight: Operation<Geometry, BackwardWeightTensors> = {
  name: "conv2d-backward-weight",
  variants: [register, ...[2, 4, 5, 8].map(broadcast), ...[2, 4].map(taps), ...([64, 128] as const).map(workgroup)],
  preferred,
  shapeClass,
  scratch: (device, g) => ({
    x: device.empty([g.n, g.h, g.w, g.ci], "scratch x"),
    dy: device.empty([g.n, g.oh, g.ow, 4 * g.co4], "scratch dy"),
    dWeight: device.empty([g.kh, g.kw, g.ci, 4 * g.co4], "scratch dWeight"),
  }),
  flops,
};

function preferred(device: Device, g: Geometry): string {
  if (device.workFor === "gpu") {
    // The larger tile loads less, where both its sides are filled.
    const filled = g.co4 * 4 > 64 && g.kh * g.kw * g.ci4 * 4 > 64;
    return filled && workgroup(128).fits(device, g) ? "workgroup-128x128" : "workgroup-64x64";
  }
  if (!broadcasts(device)) return register.name;
  return cheapest(g, g.kw === 3 && g.stride <= 2);
}

/** Groups of 4 output channels, whether three taps at once, and the time of one tile and two pixels (ns, 2 cores, lavapipe). */
const tileCosts: readonly [G: number, wide: boolean, cost: number][] = [
  [8, false, 81],
  [5, false, 62],
  [4, false, 52],
  [2, false, 36],
  [4, true, 104],
  [2, true, 56],
];

/** The broadcast variant with the least time for all tiles, by the measured times of one. */
function cheapest(g: Geometry, wideFits: boolean): string {
  let [best, least] = ["", Number.POSITIVE_INFINITY];
  for (const [G, wide, cost] of tileCosts) {
    if (wide && !wideFits) continue;
    const columns = Math.ceil((g.kh * (wide ? 1 : g.kw) * g.ci4) / 8);
    // A row of three taps at once begins anew, which takes about 1.2 steps; at stride 2 its pixels share fewer columns.
    const steps = wide ? g.n * g.oh * (Math.ceil(g.ow / 2) + 1.2) : (g.n * g.oh * g.ow) / 2;
    const time = Math.ceil(g.co4 / G) * columns * steps * cost * (wide && g.stride === 2 ? 1.2 : 1);
    if (time < least) [best, least] = [`broadcast-${4 * G}x${wide ? 96 : 32}`, time];
  }
  return best;
}

/** Rows that are added up in one short sum. */
export function rowsOfShortSum(g: Geometry): number {
  return Math.max(1, Math.floor(shortSum / g.ow));
}

/** A sum to share out: invocations of one share of all tiles, rows or pixels to sum over, the least of them worth a share. */
export interface Cut {
  readonly invocations: number;
  readonly units: number;
  readonly least?: number;
}

/** Computes `splits` shares of `share` rows or pixels by `dispatch`, and adds the shares up. */
export function runSplit(
  device: Device,
  dWeight: Tensor,
  { invocations, units, least = 1 }: Cut,
  dispatch: (partials: Tensor, splits: number, share: number) => void,
): void {
  const most = Math.min(mostSplits(device, dWeight), Math.ceil(units / least));
  const { splits, rowsPerSplit } = splitRows(device, units, invocations, most);
  const partials = splits === 1 ? dWeight : device.empty([splits, dWeight.paddedSize], "conv2d dWeight partials");
  dispatch(partials, splits, rowsPerSplit);
  if (splits === 1) return;
  reducePartials(device, partials, dWeight, splits);
  device.release(partials);
}

/** Partial sums must fit one binding; a quarter of it keeps the pool small. */
export function mostSplits(device: Device, dWeight: Tensor): number {
  return Math.max(1, Math.floor(device.limits.maxStorageBufferBindingSize / 4 / dWeight.bytes));
}
