import type { Device } from "../../device.js";
import { fold, workShape } from "../../stream.js";

/** The broadcast kernels need whole subgroups of 8 lanes or more. */
export function broadcasts(device: Device): boolean {
  return (
    device.gpu.features.has("subgroups" as GPUFeatureName) &&
    device.info.subgroupMinSize >= 8 &&
    device.info.subgroupMinSize <= 64
  );
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

/** One workgroup per tile of `tile` rows (folded over x and z) and per tile of columns (y). */
export function tileGrid(rows: number, tile: number, columns: number): [number, number, number] {
  const [x, z] = fold(Math.ceil(rows / tile));
  return [x, columns, z];
}
