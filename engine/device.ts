import { BufferPool, BufferUsage, type MemoryCounters } from "./buffers.js";
import { Commands } from "./commands.js";
import { GpuError, type GpuErrorKind } from "./errors.js";
import type { ConstantValues, Kernel } from "./kernel.js";
import { PipelineCache } from "./pipelines.js";
import { type DType, formatShape, padValues, Tensor, unpadValues } from "./tensor.js";
import { Choices } from "./tuning/choices.js";

/** Workgroups in x, y and z. */
export type Grid = readonly [number, number, number];

export interface DeviceOptions {
  /** Part of the adapter's vendor, architecture, device or description, in any case: only such an adapter is taken. */
  readonly adapter?: string;
  readonly powerPreference?: GPUPowerPreference;
  /** Dispatches per submission at most (default 64). */
  readonly maxPending?: number;
  /** false: leave the adapter's subgroups unused, so that every kernel is a portable one (default true). */
  readonly subgroups?: boolean;
  /** How work is cut (`workShape`): for processor cores or for a GPU. Default: after what the adapter is. */
  readonly workFor?: "cpu" | "gpu";
  /** Called once when the device has been closed. */
  readonly onClose?: () => void;
}

/** One dispatch as an op asks for it. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly constants: ConstantValues<string>;
  readonly params: Readonly<Record<string, number>> | null;
  readonly bindings: Readonly<Record<string, Tensor>>;
  readonly grid: Grid;
}

export interface DispatchObserver {
  /** Where the GPU shall write the times of a dispatch, which then gets a pass of its own; undefined: it is not timed. */
  dispatch(dispatch: Dispatch): GPUComputePassTimestampWrites | undefined;
}

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

const wantedFeatures = ["subgroups", "shader-f16", "timestamp-query", "subgroup-size-control"] as const;
const wantedLimits = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxStorageBuffersPerShaderStage",
] as const;

/** A WebGPU device with its buffer pool, pipelines and command stream: what every op runs on. */
export class Device {
  readonly info: AdapterInfo;
  readonly pool: BufferPool;
  readonly workFor: "cpu" | "gpu";
  /** Which variant computes each operation and shape class. */
  readonly choices = new Choices();
  /** Told of every dispatch while it is set: the profiler. */
  observer: DispatchObserver | null = null;
  private readonly commands: Commands;
  private readonly pipelines: PipelineCache;
  private failure: GpuError | null = null;
  private closed = false;

  /** Use `openDevice` (browser) or `openNodeDevice` (Node). Takes over `gpu`'s error events. */
  constructor(
    readonly gpu: GPUDevice,
    info: AdapterInfo,
    private readonly options: DeviceOptions = {},
  ) {
    this.info = info;
    this.workFor = options.workFor ?? (info.isCpu ? "cpu" : "gpu");
    this.pipelines = new PipelineCache(gpu);
    this.pool = new BufferPool(gpu, () => {});
    this.commands = new Commands(gpu, options.maxPending ?? 64);
    gpu.addEventListener("uncapturederror", (event) => this.fail(toGpuError((event as GPUUncapturedErrorEvent).error)));
    gpu.lost.then((lost) => {
      if (!this.closed)
        this.fail(
          new GpuError("device-lost", `the GPU device was lost (${lost.reason || "unknown"}): ${lost.message}`),
        );
    });
  }

  get limits(): GPUSupportedLimits {
    return this.gpu.limits;
  }

  get memory(): Readonly<MemoryCounters> {
    return this.pool.counters;
  }

  /** Totals since the device was opened: dispatches, submissions, pipelines compiled, bind groups and params blocks made. */
  get counters(): { dispatches: number; submits: number; pipelines: number; bindGroups: number; paramBlocks: number } {
    return { dispatches: this.commands.dispatches, submits: this.commands.submits, ...this.pipelines.counters };
  }

  /**
   * Records one dispatch of `kernel`. Bindings and params go by the names in the WGSL file.
   * @throws GpuError of an earlier command, or (`limit`) if the grid is larger than the adapter allows.
   */
  run<B extends string, P extends object | null, C extends string>(
    kernel: Kernel<B, P, C>,
    bindings: { readonly [K in B]: Tensor },
    params: P,
    grid: Grid,
    constants: ConstantValues<C> = {},
  ): void {
    this.throwIfFailed();
    const most = this.gpu.limits.maxComputeWorkgroupsPerDimension;
    if (grid.some((n) => n > most || n < 1)) {
      throw new GpuError("limit", `${kernel.name}: grid ${grid.join("x")} is outside 1..${most} workgroups`);
    }
    const plain = kernel as unknown as Kernel;
    const pipeline = this.pipelines.pipeline(plain, constants);
    const values = params as Record<string, number> | null;
    const group = this.pipelines.bindGroup(pipeline, plain, bindings, values);
    const timing = this.observer?.dispatch({ kernel: plain, constants, params: values, bindings, grid });
    this.commands.dispatch(pipeline.gpu, group, grid, timing);
  }

  /** A tensor with undefined content. The caller releases it. */
  empty(shape: readonly number[], label: string, dtype: DType = "f32"): Tensor {
    const probe = new Tensor(shape, dtype, { id: 0, bytes: 0 } as never, label);
    const buffer = this.pool.acquire(Math.max(16, Math.ceil(probe.bytes / 16) * 16), `${label} ${formatShape(shape)}`);
    return new Tensor(shape, dtype, buffer, label);
  }

  zeros(shape: readonly number[], label: string, dtype: DType = "f32"): Tensor {
    const tensor = this.empty(shape, label, dtype);
    this.commands.clear(tensor.buffer.gpu, 0, tensor.buffer.bytes);
    return tensor;
  }

  /** A tensor of logical, row-major `values`. */
  fromValues(values: ArrayLike<number>, shape: readonly number[], label: string, dtype: DType = "f32"): Tensor {
    const tensor = this.empty(shape, label, dtype);
    this.write(tensor, values);
    return tensor;
  }

  /** Writes logical, row-major values. Commands recorded before see the old content, commands after see the new one. */
  write(tensor: Tensor, values: ArrayLike<number>): void {
    if (values.length !== tensor.size) {
      throw new GpuError("internal", `${tensor.label}: ${values.length} values for shape ${formatShape(tensor.shape)}`);
    }
    const typed =
      tensor.dtype === "u32"
        ? Uint32Array.from(values)
        : values instanceof Float32Array
          ? values
          : Float32Array.from(values);
    const padded = padValues(typed, tensor.dim(-1));
    this.commands.flush();
    this.gpu.queue.writeBuffer(
      tensor.buffer.gpu,
      tensor.byteOffset,
      padded.buffer as ArrayBuffer,
      padded.byteOffset,
      padded.byteLength,
    );
  }

  /** Writes raw bytes (a multiple of 4) at a byte offset: packed pixels, or already padded values. */
  writeBytes(tensor: Tensor, bytes: Uint8Array<ArrayBuffer>, offset = 0): void {
    this.commands.flush();
    this.gpu.queue.writeBuffer(tensor.buffer.gpu, tensor.byteOffset + offset, bytes);
  }

  /** Copies all of `source` over `target`; both must have the same bytes. */
  copy(source: Tensor, target: Tensor): void {
    if (source.bytes !== target.bytes)
      throw new GpuError("internal", `copy ${source.label} -> ${target.label}: sizes differ`);
    this.copyRange(source, 0, target, 0, source.bytes);
  }

  /** Copies bytes (multiples of 4) between two tensors of different buffers. */
  copyRange(source: Tensor, sourceOffset: number, target: Tensor, targetOffset: number, bytes: number): void {
    this.throwIfFailed();
    this.commands.copy(
      source.buffer.gpu,
      source.byteOffset + sourceOffset,
      target.buffer.gpu,
      target.byteOffset + targetOffset,
      bytes,
    );
  }

  /** Sets all of a tensor to zero. */
  clear(tensor: Tensor): void {
    this.commands.clear(tensor.buffer.gpu, tensor.byteOffset, Math.ceil(tensor.bytes / 4) * 4);
  }

  /** The logical, row-major values of a tensor, as floats (`u32` tensors give integers). */
  async read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    const raw = await this.readRaw(tensor);
    return tensor.dtype === "u32"
      ? Float32Array.from(unpadValues(new Uint32Array(raw), tensor.dim(-1)))
      : unpadValues(new Float32Array(raw), tensor.dim(-1));
  }

  private async readRaw(tensor: Tensor): Promise<ArrayBuffer> {
    this.throwIfFailed();
    const bytes = Math.ceil(tensor.bytes / 4) * 4;
    const staging = this.gpu.createBuffer({
      size: bytes,
      usage: BufferUsage.mapRead | BufferUsage.copyDst,
      label: `read ${tensor.label}`,
    });
    try {
      this.commands.copy(tensor.buffer.gpu, tensor.byteOffset, staging, 0, bytes);
      this.commands.flush();
      await staging.mapAsync(1);
      this.throwIfFailed();
      return staging.getMappedRange().slice(0);
    } catch (error) {
      this.throwIfFailed();
      throw error;
    } finally {
      staging.destroy();
    }
  }

  release(tensor: Tensor): void {
    this.pool.release(tensor.buffer, `${tensor.label} ${formatShape(tensor.shape)}`);
  }

  /** Submits what has been recorded. */
  flush(): void {
    this.throwIfFailed();
    this.commands.flush();
  }

  /** Submits and waits until the GPU is done. Throws what went wrong on the way. */
  async sync(): Promise<void> {
    this.flush();
    await this.gpu.queue.onSubmittedWorkDone();
    this.throwIfFailed();
  }

  /** Destroys the device. Later commands throw. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.failure ??= new GpuError("device-lost", "the device has been closed");
    this.pool.trim();
    this.gpu.destroy();
    this.options.onClose?.();
  }

  private fail(error: GpuError): void {
    this.failure ??= error;
  }

  private throwIfFailed(): void {
    if (this.failure) throw this.failure;
  }
}

function toGpuError(error: GPUError): GpuError {
  const name = error.constructor.name;
  const kind: GpuErrorKind = /ShaderModule|WGSL/i.test(error.message)
    ? "shader"
    : /OutOfMemory/i.test(name)
      ? "out-of-memory"
      : /Validation/i.test(name)
        ? "validation"
        : "internal";
  return new GpuError(kind, error.message);
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

async function findAdapter(gpu: GPU, options: DeviceOptions): Promise<GPUAdapter> {
  const wanted = options.adapter?.toLowerCase();
  if (wanted === undefined) {
    const adapter = await gpu.requestAdapter(
      options.powerPreference ? { powerPreference: options.powerPreference } : {},
    );
    if (adapter) return adapter;
    throw new GpuError("no-adapter", "no WebGPU adapter found: run `equipoise doctor` for the reason and the fix");
  }
  const adapters = await listAdapters(gpu);
  const texts = adapters.map((a) => `${a.info.vendor} ${a.info.architecture} ${a.info.device} ${a.info.description}`);
  const index = texts.findIndex((text) => text.toLowerCase().includes(wanted));
  const adapter = adapters[index];
  if (adapter) return adapter;
  throw new GpuError(
    "no-adapter",
    `no WebGPU adapter matches "${options.adapter}"; found: ${texts.join("; ") || "none"}`,
  );
}
