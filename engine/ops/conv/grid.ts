import type { Device, Grid } from "../../device.js";
import { fold, workShape } from "../../stream.js";

/** The kernels that broadcast operands need whole subgroups of 8 lanes or more. */
export function broadcasts(device: Device): boolean {
  return (
    device.gpu.features.has("subgroups" as GPUFeatureName) &&
    device.info.subgroupMinSize >= 8 &&
    device.info.subgroupMinSize <= 64
  );
}

/** Subgroups of 8 lanes and no others: what the lanes of a broadcast tile do depends on it. */
export function broadcastsToEight(device: Device): boolean {
  return broadcasts(device) && device.info.subgroupMinSize === 8 && device.info.subgroupMaxSize === 8;
}

/** What one invocation computes: 4 * halves pixels x 4 * blocks channels. */
export interface InvocationTile {
  readonly halves: 1 | 2;
  readonly blocks: 1 | 2 | 3 | 4;
}

/** Tiles of the portable kernels: every lane loads both operands. */
export const registerTiles: readonly InvocationTile[] = [
  { halves: 1, blocks: 2 },
  { halves: 2, blocks: 2 },
  { halves: 2, blocks: 4 },
];

/** Tiles of the kernels whose lanes own pixels and share the weights. */
export const pixelTiles: readonly InvocationTile[] = [
  { halves: 1, blocks: 2 },
  { halves: 1, blocks: 3 },
  { halves: 1, blocks: 4 },
  { halves: 2, blocks: 1 },
  { halves: 2, blocks: 2 },
  { halves: 2, blocks: 3 },
  { halves: 2, blocks: 4 },
];

/** Groups of 8 pixels in the tiles whose lanes own 4 channels each and share the pixels. */
export const broadcastTiles = [1, 2, 3, 4] as const;

/** Constants of the tiles in workgroup memory. */
export interface WorkgroupTile {
  readonly TILE: number;
  readonly BLOCKS: number;
  readonly THREADS: number;
}

export const workgroupTiles: readonly WorkgroupTile[] = [
  { TILE: 64, BLOCKS: 1, THREADS: 128 },
  { TILE: 128, BLOCKS: 2, THREADS: 256 },
];

/** Threads per workgroup of a kernel with one invocation per tile; lanes that share weights fill their subgroup. */
export function invocationThreads(device: Device, kind: "register" | "pixels"): number {
  return Math.max(workShape(device).threads, kind === "pixels" ? device.info.subgroupMaxSize : 0);
}

/** Two tiles of 16 channels, with a spare vec4 a step. */
export function fitsWorkgroup({ limits }: Device, { TILE, THREADS }: WorkgroupTile): boolean {
  const bytes = 2 * 16 * 4 * (TILE + 1);
  return limits.maxComputeWorkgroupStorageSize >= bytes && limits.maxComputeInvocationsPerWorkgroup >= THREADS;
}

/** One workgroup per tile of `tile` rows (folded over x and z) and per tile of columns (y). */
export function tileGrid(rows: number, tile: number, columns: number): Grid {
  const [x, z] = fold(Math.ceil(rows / tile));
  return [x, columns, z];
}

/**
 * The variant for `pixels` x `channels4` vec4 of channels.
 * On processors with subgroups of 8 as measured; on GPUs by reasoning: a tile in workgroup memory where it is filled.
 */
export function preferredTile(device: Device, pixels: number, channels4: number): string {
  if (device.workFor === "gpu") return "workgroup-64x64";
  if (!broadcasts(device)) return "register-8x8";
  if (!broadcastsToEight(device)) return "pixels-4x8";
  return pixels > 0 && channels4 > 0 ? "broadcast-24x32" : "";
}

/** One invocation per 4 pixels (folded over x and z) x 8 channels (y). */
export function pixelGrid(
  device: Device,
  pixels: number,
  channels4: number,
): { grid: [number, number, number]; constants: { WG: number } } {
  const WG = Math.max(workShape(device).threads, broadcasts(device) ? device.info.subgroupMaxSize : 0);
  const [x, z] = fold(Math.ceil(pixels / (4 * WG)));
  return { grid: [x, Math.ceil(channels4 / 2), z], constants: { WG } };
}
