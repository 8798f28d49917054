import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { fold, itemGrid, vec4Count } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";

export interface ShiftOptions {
  /** Factor of the row, known to the host; 1 without. */
  readonly scale?: number;
  /** f32 [1] on the GPU: a further factor. */
  readonly factor?: Tensor;
}

/**
 * x + scale * factor * row for each row of x: a vector added to all logits of a batch.
 * @param x [N,C] @param row [C] or [1,C]: no gradient flows to it, nor to `factor`
 * @throws ShapeError naming the shapes
 */
export function shiftRows(tape: Tape, x: Tensor, row: Tensor, options: ShiftOptions = {}): Tensor {
  if (x.shape.length !== 2 || x.pitch % 4 !== 0 || row.size !== x.dim(1) || row.dim(-1) !== x.dim(1))
    throw new ShapeError(
      `shiftRows: row ${formatShape(row.shape)} does not fit x ${formatShape(x.shape)}, expected [C] and [N,C]`,
    );
  const y = tape.tensor(x.shape, "shifted rows");
  const count = vec4Count(x);
  const { WG } = itemGrid(tape.device, count).constants;
  const factor = options.factor ?? tape.one();
  const params = { count, pitch4: x.pitch / 4, scale: options.scale ?? 1 };
  tape.device.run(kernels.shiftRows, { x, row, factor, y }, params, fold(Math.ceil(count / WG)), { WG });
  tape.record("shiftRows", { x }, y, { reads: [] }, (dy, out) => {
    if (out.x) tape.device.copy(dy, out.x);
    return { x: out.x };
  });
  return y;
}

export interface BernoulliOptions {
  /** u32 [2] on the GPU: seed, step. */
  readonly state: Tensor;
  /** Tells this draw from all others of the step. */
  readonly stream: number;
  /** f32 [N]: the mask where a sample stays; 1 without. */
  readonly base?: Tensor;
}

/**
 * f32 [N]: `base` with probability keep[label], else 0. Without gradient; the draw of sample n is word 0 of Philox at (n, step) in `stream`.
 * @param label u32 [N] @param keep f32 [classes], probabilities
 */
export function bernoulliMask(tape: Tape, label: Tensor, keep: Tensor, options: BernoulliOptions): Tensor {
  const { state, stream, base } = options;
  if (label.dtype !== "u32" || (base && base.size !== label.size))
    throw new ShapeError(
      `bernoulliMask: label ${formatShape(label.shape)} ${label.dtype} must be u32 [N], and base${base ? ` ${formatShape(base.shape)}` : ""} as long`,
    );
  const mask = tape.tensor([label.size], "Bernoulli mask");
  const params = { n: label.size, vector_pitch: mask.pitch, stream_id: stream };
  const { grid, constants } = itemGrid(tape.device, mask.pitch);
  const bindings = { label, keep, base: base ?? keep, state, mask };
  tape.device.run(kernels.bernoulliMask, bindings, params, grid, { ...constants, MASKED: base !== undefined });
  return mask;
}
