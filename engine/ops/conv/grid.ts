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

/** Pixels / 4 of the tiles of the portable kernels: 8 channels an invocation, every lane loads both operands. */
export const registerHalves = [1, 2] as const;

/**
 * The large register tile is for the tuner on GPUs, and on processors whose subgroups the other tiles can use. SwiftShader compiles it
 * for 16 s of processor time (forward; 11 s the gradient), against 0.3 s for the small one, and gains a tenth.
 */
export function registerWorthTiming(halves: number): (device: Device) => boolean {
  return (device) => halves === 1 || device.workFor === "gpu" || broadcasts(device);
}

/** Channels / 4 of the tiles whose lanes own 4 pixels each and share the weights. */
export const pixelBlocks = [2, 3, 4] as const;

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

/** What a default is chosen by: pixels and vec4 of channels that are computed, and their layout. */
export interface TileNeed {
  readonly pixels: number;
  readonly channels4: number;
  readonly images: number;
  /** Tiles take pixels in the order position, image. */
  readonly byPosition: boolean;
}

/**
 * GFLOP/s of full tiles, measured on lavapipe (2 cores, 3x3, 64 channels), and vec4 of channels per tile. How well a tile
 * is filled decides more than these figures do, so they serve other processors too.
 */
const cpuTiles = [
  { kind: "broadcast", blocks: 8, rate: 47 },
  { kind: "pixels-4x16", blocks: 4, rate: 39 },
  { kind: "pixels-4x12", blocks: 3, rate: 31 },
  { kind: "pixels-4x8", blocks: 2, rate: 30 },
] as const;

/**
 * The variant where nothing has been tuned. On processors with subgroups of 8 as measured. On others the small register tile: the
 * large one gains a tenth on SwiftShader, for a very long compilation, and loses a fifth on lavapipe without subgroups. On GPUs by
 * reasoning: a tile in workgroup memory where channels fill it, the large one where enough workgroups are left.
 */
export function preferredTile(device: Device, need: TileNeed): string {
  if (device.workFor === "gpu") return preferredOnGpu(device, need);
  if (!broadcasts(device)) return "register-4x8";
  const useful = (blocks: number) => need.channels4 / (blocks * Math.ceil(need.channels4 / blocks));
  const candidates = cpuTiles.filter(({ kind }) => kind !== "broadcast" || broadcastsToEight(device));
  const best = candidates.reduce((a, b) => (b.rate * useful(b.blocks) > a.rate * useful(a.blocks) ? b : a));
  return best.kind === "broadcast" ? `broadcast-${broadcastRows(need)}x32` : best.kind;
}

/**
 * Few pixels: the tile that they fill. Position by position: a tile shares its outside taps if it does not straddle
 * positions. Else 24, which is fastest: larger tiles pass the instruction cache, smaller ones load more.
 */
function broadcastRows({ pixels, images, byPosition }: TileNeed): number {
  if (pixels <= 32) return pixels <= 8 ? 8 : 16;
  if (byPosition && images % 16 === 0) return images % 32 === 0 ? 32 : 16;
  return 24;
}

function preferredOnGpu(device: Device, { pixels, channels4 }: TileNeed): string {
  const [small, large] = workgroupTiles as readonly [WorkgroupTile, WorkgroupTile];
  const workgroups = Math.ceil(pixels / large.TILE) * Math.ceil((4 * channels4) / large.TILE);
  if (4 * channels4 >= 96 && workgroups >= 64 && fitsWorkgroup(device, large)) return "workgroup-128x128";
  return 4 * channels4 > 16 && fitsWorkgroup(device, small) ? "workgroup-64x64" : "register-4x8";
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
