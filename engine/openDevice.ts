import { adapterInfo, findAdapter } from "./adapter.js";
import { Device, type DeviceOptions } from "./device.js";
import { GpuError } from "./errors.js";

const wantedFeatures = ["subgroups", "shader-f16", "timestamp-query", "subgroup-size-control"] as const;
const wantedLimits = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxStorageBuffersPerShaderStage",
] as const;

/**
 * Opens a device on one of `gpu`'s adapters, with the adapter's real limits.
 * @param gpu `navigator.gpu`, or Dawn's in Node (`engine/node.ts`).
 * @throws GpuError (`no-adapter`) if there is none, or none of the name asked for.
 */
export async function openDevice(
  gpu: GPU | undefined = globalThis.navigator?.gpu,
  options: DeviceOptions = {},
): Promise<Device> {
  if (!gpu) throw new GpuError("no-adapter", "this environment has no WebGPU (navigator.gpu is missing)");
  const adapter = await findAdapter(gpu, options);
  const requiredLimits: Record<string, number> = {};
  for (const name of wantedLimits) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = wantedFeatures.filter(
    (f) => adapter.features.has(f) && (options.subgroups !== false || !f.startsWith("subgroup")),
  ) as GPUFeatureName[];
  const device = await adapter.requestDevice({ label: "equipoise", requiredFeatures, requiredLimits });
  return new Device(device, adapterInfo(adapter), options);
}
