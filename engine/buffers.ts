import { GpuError } from "./errors.js";

/** WebGPU's usage flags, written out so that the engine needs no global `GPUBufferUsage` (Node has none). */
export const BufferUsage = {
  mapRead: 0x1,
  copySrc: 0x4,
  copyDst: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;

const storageUsage = BufferUsage.storage | BufferUsage.copySrc | BufferUsage.copyDst;

/** A GPU buffer with an identity that never repeats, so that bind groups can be cached by it. */
export interface PoolBuffer {
  readonly id: number;
  readonly gpu: GPUBuffer;
  /** Bytes of the buffer (its size class), at least the bytes asked for. */
  readonly bytes: number;
}

export interface MemoryCounters {
  /** Bytes in use. */
  live: number;
  /** Bytes kept for reuse. */
  pooled: number;
  /** The largest `live` since the last `resetPeak()`. */
  peak: number;
  /** Buffers created so far (never falls: a steady state creates none). */
  created: number;
}

/**
 * Buffers by size class. Of the free ones the oldest is taken, whatever the order they came back in: so the same step
 * takes the same buffers each time, and its bind groups are found again.
 */
export class BufferPool {
  readonly counters: MemoryCounters = { live: 0, pooled: 0, peak: 0, created: 0 };
  private readonly free = new Map<number, PoolBuffer[]>();
  private readonly live = new Set<PoolBuffer>();
  private nextId = 1;

  constructor(
    private readonly device: GPUDevice,
    private readonly onDestroy: (buffer: PoolBuffer) => void,
  ) {}

  /**
   * A storage buffer of at least `bytes`; its content is whatever was there.
   * @throws GpuError (`limit`) naming the label, the size and the adapter's limit.
   */
  acquire(bytes: number, label: string): PoolBuffer {
    const limit = Math.min(this.device.limits.maxStorageBufferBindingSize, this.device.limits.maxBufferSize);
    if (bytes > limit) {
      throw new GpuError(
        "limit",
        `${label}: needs ${mebibytes(bytes)} in one buffer, the adapter binds at most ${mebibytes(limit)}: use a smaller batch or input`,
      );
    }
    const size = Math.min(sizeClass(bytes), limit);
    let buffer = this.free.get(size)?.shift();
    if (buffer) this.counters.pooled -= size;
    else buffer = this.create(size, label);
    this.live.add(buffer);
    this.counters.live += size;
    this.counters.peak = Math.max(this.counters.peak, this.counters.live);
    return buffer;
  }

  /** Returns a buffer to the pool. Throws if it is not in use (a double release is a bug in the caller). */
  release(buffer: PoolBuffer, label: string): void {
    if (!this.live.delete(buffer)) throw new GpuError("internal", `${label}: its buffer was released twice`);
    this.counters.live -= buffer.bytes;
    this.counters.pooled += buffer.bytes;
    const list = this.free.get(buffer.bytes) ?? [];
    this.free.set(buffer.bytes, list);
    const newer = list.findIndex((other) => other.id > buffer.id);
    list.splice(newer < 0 ? list.length : newer, 0, buffer);
  }

  /** Destroys what is kept for reuse (after a change of model, say). */
  trim(): void {
    for (const list of this.free.values()) for (const buffer of list) this.destroy(buffer);
    this.free.clear();
    this.counters.pooled = 0;
  }

  resetPeak(): void {
    this.counters.peak = this.counters.live;
  }

  private create(size: number, label: string): PoolBuffer {
    const gpu = this.device.createBuffer({ size, usage: storageUsage, label });
    this.counters.created++;
    return { id: this.nextId++, gpu, bytes: size };
  }

  private destroy(buffer: PoolBuffer): void {
    buffer.gpu.destroy();
    this.onDestroy(buffer);
  }
}

/** Sizes are rounded up to 256 B times {4, 5, 6, 7} x 2^k, so that layers of like size share buffers (waste < 25 %). */
export function sizeClass(bytes: number): number {
  const units = Math.max(1, Math.ceil(bytes / 256));
  if (units <= 4) return units * 256;
  const step = 2 ** (Math.floor(Math.log2(units - 1)) - 2);
  return Math.ceil(units / step) * step * 256;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 * 10 ? 2 : 0)} MiB`;
}
