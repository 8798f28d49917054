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
  /** Bytes in use, with all that captured steps own. */
  live: number;
  /** Bytes kept for reuse. */
  pooled: number;
  /** The largest `live` since the last `resetPeak()`. */
  peak: number;
  /** Of `live`: bytes that captured steps own. */
  captured: number;
  /** Buffers created so far (never falls: a steady state creates none). */
  created: number;
}

/** Free buffers by size class. Of equal ones the oldest is taken, whatever the order they came back in. */
class FreeList {
  private readonly bySize = new Map<number, PoolBuffer[]>();

  take(size: number): PoolBuffer | undefined {
    return this.bySize.get(size)?.shift();
  }

  /** The smallest one from `size` to `most` bytes. */
  takeWithin(size: number, most: number): PoolBuffer | undefined {
    let best = Number.POSITIVE_INFINITY;
    for (const [bytes, list] of this.bySize) if (list.length > 0 && bytes >= size && bytes < best) best = bytes;
    return best <= most ? this.take(best) : undefined;
  }

  put(buffer: PoolBuffer): void {
    const list = this.bySize.get(buffer.bytes) ?? [];
    this.bySize.set(buffer.bytes, list);
    const newer = list.findIndex((other) => other.id > buffer.id);
    list.splice(newer < 0 ? list.length : newer, 0, buffer);
  }

  /** Takes all of them. */
  drain(): PoolBuffer[] {
    const all = [...this.bySize.values()].flat();
    this.bySize.clear();
    return all;
  }

  get bytes(): number {
    let total = 0;
    for (const [size, list] of this.bySize) total += size * list.length;
    return total;
  }
}

/** In a captured step a tensor may take a free buffer of so many times its size: it keeps all that it has ever used. */
const mostSpare = 2;

/**
 * Buffers that a captured step owns: what it allocates while it is recorded comes from here, so that no tensor of anybody else
 * ever lies where a replay writes.
 */
export class BufferRegion {
  readonly free = new FreeList();
  readonly buffers = new Set<PoolBuffer>();
  /** The recording is over: its free buffers count as live. */
  sealed = false;

  get bytes(): number {
    let total = 0;
    for (const buffer of this.buffers) total += buffer.bytes;
    return total;
  }
}

/**
 * Buffers by size class, the oldest free one first: so the same step takes the same buffers each time, and its bind groups are
 * found again.
 */
export class BufferPool {
  readonly counters: MemoryCounters = { live: 0, pooled: 0, peak: 0, captured: 0, created: 0 };
  private readonly free = new FreeList();
  private readonly live = new Set<PoolBuffer>();
  private readonly regionOf = new Map<PoolBuffer, BufferRegion>();
  private region: BufferRegion | null = null;
  private rehearsing = false;
  private nextId = 1;

  /** @param beforeDestroy called before buffers are destroyed: what was recorded may still use them */
  constructor(
    private readonly device: GPUDevice,
    private readonly beforeDestroy: () => void,
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
    if (this.rehearsing) return this.imagined(size);
    const buffer = this.reused(size) ?? this.create(size, label);
    this.live.add(buffer);
    this.counters.live += buffer.bytes;
    this.counters.peak = Math.max(this.counters.peak, this.counters.live);
    return buffer;
  }

  /** Returns a buffer to the pool. Throws if it is not in use (a double release is a bug in the caller). */
  release(buffer: PoolBuffer, label: string): void {
    if (!this.live.delete(buffer)) throw new GpuError("internal", `${label}: its buffer was released twice`);
    if (buffer.id < 0) return;
    const region = this.regionOf.get(buffer);
    (region?.free ?? this.free).put(buffer);
    if (region?.sealed) return;
    this.counters.live -= buffer.bytes;
    this.counters.pooled += buffer.bytes;
  }

  /** Until `seal()`, buffers come from a region of their own; free ones of the pool go over to it. */
  openRegion(): BufferRegion {
    this.region = new BufferRegion();
    return this.region;
  }

  /** Ends `openRegion()`: what lies in the region is nobody else's, until it is dissolved. */
  seal(region: BufferRegion): void {
    this.region = null;
    region.sealed = true;
    this.count(region, 1);
    this.counters.peak = Math.max(this.counters.peak, this.counters.live);
  }

  /** Gives a sealed region's buffers back to the pool; those in use follow when they are released. */
  dissolve(region: BufferRegion): void {
    this.count(region, -1);
    for (const buffer of region.buffers) this.regionOf.delete(buffer);
    for (const buffer of region.free.drain()) this.free.put(buffer);
    region.buffers.clear();
  }

  /** Runs `f` with buffers that exist in name only: nothing is created, taken or counted. */
  rehearse(f: () => void): void {
    this.rehearsing = true;
    try {
      f();
    } finally {
      this.rehearsing = false;
    }
  }

  /** Destroys what is kept for reuse (after a change of model, say). */
  trim(): void {
    this.beforeDestroy();
    for (const buffer of this.free.drain()) buffer.gpu.destroy();
    this.counters.pooled = 0;
  }

  resetPeak(): void {
    this.counters.peak = this.counters.live;
  }

  private reused(size: number): PoolBuffer | undefined {
    const { region } = this;
    const own = region?.free.takeWithin(size, mostSpare * size);
    const buffer = own ?? this.free.take(size);
    if (!buffer) return undefined;
    this.counters.pooled -= buffer.bytes;
    if (region && !own) this.join(region, buffer);
    return buffer;
  }

  private create(size: number, label: string): PoolBuffer {
    const gpu = this.device.createBuffer({ size, usage: storageUsage, label });
    this.counters.created++;
    const buffer = { id: this.nextId++, gpu, bytes: size };
    if (this.region) this.join(this.region, buffer);
    return buffer;
  }

  private join(region: BufferRegion, buffer: PoolBuffer): void {
    region.buffers.add(buffer);
    this.regionOf.set(buffer, region);
  }

  private imagined(size: number): PoolBuffer {
    const buffer = { id: -this.nextId++, gpu: null as unknown as GPUBuffer, bytes: size };
    this.live.add(buffer);
    return buffer;
  }

  /** Free buffers of a sealed region are live, not pooled. */
  private count(region: BufferRegion, sign: 1 | -1): void {
    const free = region.free.bytes;
    this.counters.live += sign * free;
    this.counters.pooled -= sign * free;
    this.counters.captured += sign * region.bytes;
  }
}

/** Sizes are rounded up to 256 B times {4, 5, 6, 7} x 2^k, so that layers of like size share buffers (waste < 25 %). */
export function sizeClass(bytes: number): number {
  const units = Math.max(1, Math.ceil(bytes / 256));
  if (units <= 4) return units * 256;
  const step = 2 ** (Math.floor(Math.log2(units - 1)) - 2);
  return Math.ceil(units / step) * step * 256;
}

/** Bytes for people, as "1.50 MiB". */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 * 10 ? 2 : 0)} MiB`;
}
