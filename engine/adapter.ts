import { GpuError } from "./errors.js";

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** The adapter computes on the CPU (lavapipe, SwiftShader, WARP). */
  readonly isCpu: boolean;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
}

/** Which adapter is wanted. */
export interface AdapterWish {
  /** Part of the adapter's vendor, architecture, device or description, in any case: only such an adapter is taken. */
  readonly adapter?: string;
  readonly powerPreference?: GPUPowerPreference;
}

/** What an adapter says of itself. */
export function adapterInfo(adapter: GPUAdapter): AdapterInfo {
  const { vendor, architecture, device, description } = adapter.info;
  const text = `${vendor} ${architecture} ${device} ${description}`;
  return {
    vendor,
    architecture,
    device,
    description,
    isCpu: adapter.info.isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|software|basic render/i.test(text),
    subgroupMinSize: adapter.info.subgroupMinSize ?? 0,
    subgroupMaxSize: adapter.info.subgroupMaxSize ?? 0,
  };
}

/** The adapters that the platform offers, without repeats: high-performance, low-power and software ones are asked for. */
export async function listAdapters(gpu: GPU): Promise<GPUAdapter[]> {
  const found = new Map<string, GPUAdapter>();
  const requests: GPURequestAdapterOptions[] = [
    { powerPreference: "high-performance" },
    { powerPreference: "low-power" },
    { forceFallbackAdapter: true },
  ];
  for (const request of requests) {
    const adapter = await gpu.requestAdapter(request);
    if (adapter)
      found.set(JSON.stringify([adapter.info.vendor, adapter.info.device, adapter.info.description]), adapter);
  }
  return [...found.values()];
}

/** @throws GpuError (`no-adapter`) if there is none, or none of the name asked for. */
export async function findAdapter(gpu: GPU, wish: AdapterWish): Promise<GPUAdapter> {
  const wanted = wish.adapter?.toLowerCase();
  if (wanted === undefined) {
    const adapter = await gpu.requestAdapter(wish.powerPreference ? { powerPreference: wish.powerPreference } : {});
    if (adapter) return adapter;
    throw new GpuError("no-adapter", "no WebGPU adapter found: run `equipoise doctor` for the reason and the fix");
  }
  const adapters = await listAdapters(gpu);
  const texts = adapters.map((a) => `${a.info.vendor} ${a.info.architecture} ${a.info.device} ${a.info.description}`);
  const index = texts.findIndex((text) => text.toLowerCase().includes(wanted));
  const adapter = adapters[index];
  if (adapter) return adapter;
  throw new GpuError("no-adapter", `no WebGPU adapter matches "${wish.adapter}"; found: ${texts.join("; ") || "none"}`);
}
