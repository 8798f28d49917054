import { BufferUsage } from "../buffers.js";

/** Begin and end of one pass on the GPU's clock, nanoseconds; begin > end: the adapter gave none. */
export interface Interval {
  readonly begin: bigint;
  readonly end: bigint;
}

const queriesPerSet = 4096;

interface Batch {
  readonly set: GPUQuerySet;
  readonly resolved: GPUBuffer;
  readonly staging: GPUBuffer;
}

/**
 * Begin and end times of passes. Queries are taken from sets that are made once and used again after each `read()`, so
 * that profiling many steps takes no more memory than profiling one.
 */
export class Timestamps {
  private readonly batches: Batch[] = [];
  private used = 0;

  constructor(private readonly device: GPUDevice) {}

  static available(device: GPUDevice): boolean {
    return device.features.has("timestamp-query");
  }

  /** Passes timed since the last `read()`. */
  get count(): number {
    return this.used / 2;
  }

  /** Where the next pass writes its times. */
  next(): GPUComputePassTimestampWrites {
    const at = this.used % queriesPerSet;
    const batch = this.batches[Math.floor(this.used / queriesPerSet)] ?? this.grow();
    this.used += 2;
    return { querySet: batch.set, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** The intervals of all passes since the last call, in order. What was recorded must have been submitted. */
  async read(): Promise<Interval[]> {
    const { used } = this;
    this.used = 0;
    const counts = this.batches.map((_, i) => Math.max(0, Math.min(queriesPerSet, used - i * queriesPerSet)));
    const encoder = this.device.createCommandEncoder({ label: "timestamps" });
    this.batches.forEach(({ set, resolved, staging }, i) => {
      const count = counts[i] ?? 0;
      if (count === 0) return;
      encoder.resolveQuerySet(set, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, count * 8);
    });
    this.device.queue.submit([encoder.finish()]);
    const intervals: Interval[] = [];
    for (const [i, { staging }] of this.batches.entries()) {
      const count = counts[i] ?? 0;
      if (count === 0) continue;
      await staging.mapAsync(1, 0, count * 8);
      const times = new BigUint64Array(staging.getMappedRange(0, count * 8));
      for (let k = 0; k < count; k += 2) intervals.push({ begin: times[k] ?? 0n, end: times[k + 1] ?? 0n });
      staging.unmap();
    }
    return intervals;
  }

  destroy(): void {
    for (const { set, resolved, staging } of this.batches) {
      set.destroy();
      resolved.destroy();
      staging.destroy();
    }
    this.batches.length = 0;
    this.used = 0;
  }

  private grow(): Batch {
    const size = queriesPerSet * 8;
    const batch = {
      set: this.device.createQuerySet({ type: "timestamp", count: queriesPerSet, label: "timestamps" }),
      resolved: this.device.createBuffer({
        size,
        usage: BufferUsage.queryResolve | BufferUsage.copySrc,
        label: "timestamps",
      }),
      staging: this.device.createBuffer({
        size,
        usage: BufferUsage.mapRead | BufferUsage.copyDst,
        label: "read timestamps",
      }),
    };
    this.batches.push(batch);
    return batch;
  }
}
