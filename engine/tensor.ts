import type { PoolBuffer } from "./buffers.js";
import { ShapeError } from "./errors.js";

export type DType = "f32" | "u32";

/** Elements that the last axis takes in memory: 1 stays 1, everything else is padded to a multiple of 4. */
export function pitch(channels: number): number {
  return channels === 1 ? 1 : Math.ceil(channels / 4) * 4;
}

/**
 * An array on the GPU. `shape` is logical, NHWC for images; in memory the last axis is padded to `pitch(shape.at(-1))`
 * with zeros. A tensor may be a window (`byteOffset`) of a larger buffer: parameters share one.
 */
export class Tensor {
  /** Elements of the last axis in memory. */
  readonly pitch: number;
  /** Product of all axes but the last. */
  readonly rows: number;

  constructor(
    readonly shape: readonly number[],
    readonly dtype: DType,
    readonly buffer: PoolBuffer,
    readonly label: string,
    readonly byteOffset = 0,
  ) {
    this.pitch = pitch(shape.at(-1) ?? 1);
    this.rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  }

  /** Size of axis `i`; negative counts from the end. */
  dim(i: number): number {
    const value = this.shape.at(i);
    if (value === undefined) throw new ShapeError(`${this.label}: has no axis ${i} (shape ${formatShape(this.shape)})`);
    return value;
  }

  /** Logical elements. */
  get size(): number {
    return this.rows * (this.shape.at(-1) ?? 1);
  }

  /** Elements in memory. */
  get paddedSize(): number {
    return this.rows * this.pitch;
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.paddedSize * 4;
  }

  /** The same memory under another shape with the same last axis in memory. */
  view(shape: readonly number[], label = this.label): Tensor {
    const tensor = new Tensor(shape, this.dtype, this.buffer, label, this.byteOffset);
    if (tensor.paddedSize !== this.paddedSize || tensor.pitch !== this.pitch) {
      throw new ShapeError(`${this.label}: cannot view ${formatShape(this.shape)} as ${formatShape(shape)}`);
    }
    return tensor;
  }
}

/** A shape for messages, as "[8,56,56,32]". */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(",")}]`;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

/** Logical, row-major values -> padded values (zeros in the padding). */
export function padValues<T extends Float32Array | Uint32Array>(values: T, channels: number): T {
  const p = pitch(channels);
  if (p === channels) return values;
  const rows = values.length / channels;
  const out = new (values.constructor as new (n: number) => T)(rows * p);
  for (let r = 0; r < rows; r++) out.set(values.subarray(r * channels, (r + 1) * channels), r * p);
  return out;
}

/** Padded values -> logical, row-major values. */
export function unpadValues<T extends Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(
  values: T,
  channels: number,
): T {
  const p = pitch(channels);
  if (p === channels) return values;
  const rows = values.length / p;
  const out = new (values.constructor as new (n: number) => T)(rows * channels);
  for (let r = 0; r < rows; r++) out.set(values.subarray(r * p, r * p + channels), r * channels);
  return out;
}
