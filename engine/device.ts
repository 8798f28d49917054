import type { AdapterInfo, AdapterWish } from "./adapter.js";
import { BufferPool, type MemoryCounters } from "./buffers.js";
import { CapturedStep, Pace } from "./capture.js";
import { type Command, Commands } from "./commands.js";
import { GpuError, gpuErrorOf } from "./errors.js";
import type { ConstantValues, Kernel } from "./kernel.js";
import { PipelineCache, type PipelineRequest } from "./pipelines.js";
import { type DType, formatShape, Tensor } from "./tensor.js";
import { bytesOf, download, requireWords, valuesOf } from "./transfer.js";
import { Choices } from "./tuning/choices.js";
import { type CompileElsewhere, warmUp } from "./warmUp.js";

export { type AdapterInfo, adapterInfo, listAdapters } from "./adapter.js";

/** Workgroups in x, y and z. */
export type Grid = readonly [number, number, number];

export interface DeviceOptions extends AdapterWish {
  /** Commands per submission at most. Default: 64 in eager work; for captured steps as `Pace` says. */
  readonly maxPending?: number;
  /** false: steps that ask to be captured run eagerly each time, for debugging (default true). */
  readonly capture?: boolean;
  /** false: leave the adapter's subgroups unused, so that every kernel is a portable one (default true). */
  readonly subgroups?: boolean;
  /** How work is cut (`workShape`): for processor cores or for a GPU. Default: after what the adapter is. */
  readonly workFor?: "cpu" | "gpu";
  /** Called when the host begins to wait for the GPU; what it returns is called when the wait is over. */
  readonly onWait?: () => () => void;
  /** Helps to compile for an adapter on the CPU. */
  readonly compileElsewhere?: CompileElsewhere | null;
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

/** Commands of a submission in eager work. */
const eagerCommands = 64;
/** Pipelines that are compiled at a time. */
const compilations = 4;

/** A WebGPU device with its buffer pool, pipelines and command stream: what every op runs on. */
export class Device {
  readonly info: AdapterInfo;
  readonly limits: GPUSupportedLimits;
  readonly pool: BufferPool;
  readonly workFor: "cpu" | "gpu";
  /** Which variant computes each operation and shape class. */
  readonly choices = new Choices();
  /** Told of every dispatch while it is set: the profiler. */
  observer: DispatchObserver | null = null;
  private readonly commands: Commands;
  private readonly pipelines: PipelineCache;
  private readonly pace: Pace;
  private readonly mostWorkgroups: number;
  /** Collects pipelines while a step is rehearsed. */
  private rehearsal: PipelineRequest[] | null = null;
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
    this.limits = gpu.limits;
    this.mostWorkgroups = gpu.limits.maxComputeWorkgroupsPerDimension;
    this.pipelines = new PipelineCache(gpu);
    this.pool = new BufferPool(gpu, () => this.commands.flush());
    const { maxPending = eagerCommands } = options;
    this.commands = new Commands(gpu, maxPending);
    this.pace = new Pace(gpu, {
      split: this.workFor === "gpu",
      untimed: maxPending,
      most: options.maxPending ?? Number.POSITIVE_INFINITY,
    });
    gpu.addEventListener("uncapturederror", (event) => this.fail(gpuErrorOf((event as GPUUncapturedErrorEvent).error)));
    gpu.lost.then((lost) => {
      if (!this.closed)
        this.fail(
          new GpuError("device-lost", `the GPU device was lost (${lost.reason || "unknown"}): ${lost.message}`),
        );
    });
  }

  get memory(): Readonly<MemoryCounters> {
    return this.pool.counters;
  }

  /** Totals since the device was opened: dispatches, submissions, pipelines compiled, bind groups and params blocks made. */
  get counters(): { dispatches: number; submits: number; pipelines: number; bindGroups: number; paramBlocks: number } {
    return { dispatches: this.commands.dispatches, submits: this.commands.submits, ...this.pipelines.counters };
  }

  /** The host's time since the device was opened, ms: for encoding commands, and for submitting them. */
  get hostTime(): { readonly encode: number; readonly submit: number } {
    return { ...this.commands.hostMs };
  }

  /** Whether steps should be captured: see `DeviceOptions.capture`. */
  get captures(): boolean {
    return this.options.capture ?? true;
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
    const most = this.mostWorkgroups;
    if (grid.some((n) => n > most || n < 1)) {
      throw new GpuError("limit", `${kernel.name}: grid ${grid.join("x")} is outside 1..${most} workgroups`);
    }
    const plain = kernel as unknown as Kernel;
    if (this.rehearsal) {
      this.rehearsal.push({ kernel: plain, constants, params: params as Record<string, number> | null });
      return;
    }
    const pipeline = this.pipelines.pipeline(plain, constants);
    const values = params as Record<string, number> | null;
    const group = this.pipelines.bindGroup(pipeline, plain, bindings, values);
    const dispatch = { kernel: plain, constants, params: values, bindings, grid };
    this.commands.dispatch(pipeline.gpu, group, dispatch, this.observer);
  }

  /**
   * Runs a step once and takes down its commands, so that `replay()` can do them again without the step's own code. What the
   * step allocates belongs to the captured step. Host values must be written before, into tensors from outside.
   * @throws GpuError (`internal`) if the step writes, reads or captures; what `record` throws
   */
  capture(record: () => void): CapturedStep {
    this.refuseInside("capture", "a step");
    const { commands, pool, pace } = this;
    const region = pool.openRegion();
    const list: Command[] = [];
    commands.tape = list;
    try {
      record();
    } catch (error) {
      pool.seal(region);
      pool.dissolve(region);
      throw error;
    } finally {
      commands.tape = null;
    }
    pool.seal(region);
    const host = { commands, pool, pace, observer: () => this.observer, throwIfFailed: () => this.throwIfFailed() };
    return new CapturedStep(host, list, region);
  }

  /**
   * Compiles all pipelines of a step, several at a time. `record` is run without effect on the GPU: nothing is allocated,
   * written or dispatched. CPU adapters are warmed up as well: see `warmUp`.
   * @param onProgress told after each pipeline, and never where none is missing
   * @throws GpuError (`shader`) naming the kernel; (`internal`) if the step reads or captures
   */
  async precompile(record: () => void, onProgress?: (done: number, total: number) => void): Promise<void> {
    this.refuseInside("precompile", "a step");
    const requests: PipelineRequest[] = [];
    this.rehearsal = requests;
    try {
      this.pool.rehearse(record);
    } finally {
      this.rehearsal = null;
    }
    const missing = this.pipelines.missing(requests);
    let done = 0;
    const onDone = () => onProgress?.(++done, missing.length);
    const { isCpu } = this.info;
    await this.waiting(() => this.pipelines.prepare(missing, compilations, isCpu ? () => {} : onDone));
    if (isCpu) await warmUp(this, missing, onDone, this.options.compileElsewhere);
    this.throwIfFailed();
  }

  /** A tensor with undefined content. The caller releases it. */
  empty(shape: readonly number[], label: string, dtype: DType = "f32"): Tensor {
    const probe = new Tensor(shape, dtype, { id: 0, bytes: 0 } as never, label);
    const buffer = this.pool.acquire(Math.max(16, Math.ceil(probe.bytes / 16) * 16), `${label} ${formatShape(shape)}`);
    return new Tensor(shape, dtype, buffer, label);
  }

  zeros(shape: readonly number[], label: string, dtype: DType = "f32"): Tensor {
    const tensor = this.empty(shape, label, dtype);
    if (!this.rehearsal) this.commands.clear(tensor.buffer.gpu, 0, tensor.buffer.bytes);
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
    this.writeBytes(tensor, bytesOf(tensor, values));
  }

  /** Writes raw bytes (a multiple of 4) at a byte offset: packed pixels, or already padded values. */
  writeBytes(tensor: Tensor, bytes: Uint8Array<ArrayBuffer>, offset = 0): void {
    this.refuseInside("write", tensor.label);
    if (!this.rehearsal) this.commands.write(tensor.buffer.gpu, tensor.byteOffset + offset, bytes);
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
    if (this.rehearsal) return;
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
    if (this.rehearsal) return;
    this.commands.clear(tensor.buffer.gpu, tensor.byteOffset, Math.ceil(tensor.bytes / 4) * 4);
  }

  /** The logical, row-major values of a tensor, as floats (`u32` tensors give integers). Inside a capture it throws. */
  read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    this.refuseRead(tensor);
    return this.download(tensor).then((memory) => valuesOf(tensor, memory));
  }

  /** The words of a `u32` tensor with no padding (its last axis is 1 or a multiple of 4). Inside a capture it throws. */
  async readWords(tensor: Tensor): Promise<Uint32Array<ArrayBuffer>> {
    this.refuseRead(tensor);
    requireWords(tensor);
    return new Uint32Array(await this.download(tensor));
  }

  private async download(tensor: Tensor): Promise<ArrayBuffer> {
    this.throwIfFailed();
    try {
      const memory = await download(this.gpu, this.commands, tensor, (start) => this.waiting(start));
      this.throwIfFailed();
      return memory;
    } catch (error) {
      this.throwIfFailed();
      throw error;
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
    await this.waiting(() => this.gpu.queue.onSubmittedWorkDone());
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

  /** While a step is captured, nothing may happen that a replay could not repeat. */
  private refuseInside(what: "write" | "read" | "capture" | "precompile", label: string): void {
    if (!this.commands.tape) return;
    const fix = {
      write: "write host values before the step, into a tensor that is made outside",
      read: "read after the step",
      capture: "captures do not nest",
      precompile: "precompile before the capture",
    }[what];
    throw new GpuError("internal", `${label}: ${what} inside a captured step, which could not be replayed: ${fix}`);
  }

  /** Neither a captured step nor a rehearsal has values to read. */
  private refuseRead({ label }: Tensor): void {
    this.refuseInside("read", label);
    if (this.rehearsal) throw new GpuError("internal", `${label}: nothing can be read in a rehearsal`);
  }

  /** Waits for the GPU. */
  private async waiting<T>(start: () => Promise<T>): Promise<T> {
    const end = this.options.onWait?.();
    try {
      return await start();
    } finally {
      end?.();
    }
  }

  private fail(error: GpuError): void {
    this.failure ??= error;
  }

  private throwIfFailed(): void {
    if (this.failure) throw this.failure;
  }
}
