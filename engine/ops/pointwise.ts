import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { streamGrid, vec4Count } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, sameShape, type Tensor } from "../tensor.js";

/** max(x, 0), any shape. */
export function relu(tape: Tape, x: Tensor): Tensor {
  const y = tape.tensor(x.shape, "relu");
  const count = vec4Count(x);
  const { grid, constants } = streamGrid(tape.device, count);
  tape.device.run(kernels.reluForward, { x, y }, { count }, grid, constants);
  tape.record("relu", { x }, y, { reads: [y] }, (dy, out) => {
    if (out.x) tape.device.run(kernels.reluBackward, { y, dy, dx: out.x }, { count }, grid, constants);
    return { x: out.x };
  });
  return y;
}

/** a + b, of the same shape. @throws ShapeError naming both shapes. */
export function add(tape: Tape, a: Tensor, b: Tensor): Tensor {
  if (!sameShape(a.shape, b.shape))
    throw new ShapeError(`add: a ${formatShape(a.shape)} and b ${formatShape(b.shape)} differ`);
  const y = tape.tensor(a.shape, "add");
  const count = vec4Count(a);
  const { grid, constants } = streamGrid(tape.device, count);
  tape.device.run(kernels.addForward, { a, b, y }, { count }, grid, constants);
  tape.record("add", { a, b }, y, { reads: [] }, (dy, out) => {
    if (out.a) tape.device.copy(dy, out.a);
    if (out.b) tape.device.copy(dy, out.b);
    return { a: out.a, b: out.b };
  });
  return y;
}

export interface DropoutOptions {
  /** Probability of dropping an element, 0 <= p < 1. */
  readonly p: number;
  /** u32 [2] on the GPU: seed, step. Must hold the same values in forward and backward. */
  readonly state: Tensor;
  /** Tells this layer and forward pass from all others of the step. */
  readonly stream: number;
}

/** Inverted dropout (training only: leave it out in evaluation). The mask is drawn again in backward, not stored. */
export function dropout(tape: Tape, x: Tensor, options: DropoutOptions): Tensor {
  const { p, state, stream } = options;
  if (!(p >= 0 && p < 1)) throw new ShapeError(`dropout: p is ${p}, expected 0 <= p < 1`);
  const y = tape.tensor(x.shape, "dropout");
  const count = vec4Count(x);
  const { grid, constants } = streamGrid(tape.device, count);
  const params = { count, stream_id: stream, p };
  tape.device.run(kernels.dropout, { x, state, y }, params, grid, constants);
  tape.record("dropout", { x }, y, { reads: [state] }, (dy, out) => {
    if (out.x) tape.device.run(kernels.dropout, { x: dy, state, y: out.x }, params, grid, constants);
    return { x: out.x };
  });
  return y;
}
