import type { Device } from "../device.js";
import type { Tensor } from "../tensor.js";

/** The tensors that an operation reads and writes, by name; null: one that is left out (no bias, say). */
export type Operands = Readonly<Record<string, Tensor | null>>;

/** One way to compute an operation: a kernel with its tile, or several kernels. */
export interface Variant<G, T extends Operands> {
  /** Kind and tile, e.g. "broadcast-16x32". It is stored with runs, so a name is never given to something else. */
  readonly name: string;
  /** Whether this adapter can run it at this geometry. */
  fits(device: Device, geometry: G): boolean;
  /** Whether the tuner shall time it where it is not preferred; default: yes. No: it compiles for longer than it could ever gain. */
  worthTiming?(device: Device): boolean;
  /** Overwrites the outputs. Temporaries come from `device.empty` and go back before it returns. */
  run(device: Device, geometry: G, tensors: T): void;
}

/** What a tunable operation is: the ways to compute it, and how its calls are told apart. */
export interface Operation<G, T extends Operands> {
  /** e.g. "conv2d-forward". */
  readonly name: string;
  readonly variants: readonly Variant<G, T>[];
  /** The variant to take where nothing has been tuned; it fits. A function of adapter and geometry alone. */
  preferred(device: Device, geometry: G): string;
  /** Calls of one shape class share a choice: exact channel counts, the number of pixels or rows to a power of two. */
  shapeClass(geometry: G): string;
  /** Tensors of this geometry, of any content, to time variants on; the caller releases them. */
  scratch(device: Device, geometry: G): T;
  /** Floating-point operations, two per multiply-add. */
  flops(geometry: G): number;
}

/** Computes an operation by the variant that is chosen for its shape class on this device. */
export function perform<G, T extends Operands>(
  device: Device,
  operation: Operation<G, T>,
  geometry: G,
  tensors: T,
): void {
  device.choices.variant(device, operation, geometry).run(device, geometry, tensors);
}

/** The power of two next to `n`, for shape classes. */
export function octave(n: number): number {
  return 2 ** Math.round(Math.log2(Math.max(1, n)));
}
