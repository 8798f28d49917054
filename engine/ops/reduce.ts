import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { itemGrid, reducePartials, splitRows } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";

/** Fewer rows are not worth a share of their own. */
const leastRows = 16;

/** out[c] = scale * sum over all other axes of x[...,c]; out is [C]. No gradient: ops use it inside their backward. */
export function channelSums(tape: Tape, x: Tensor, out: Tensor, scale = 1): void {
  const device = tape.device;
  const c4 = Math.ceil(x.pitch / 4);
  const { splits, rowsPerSplit } = splitRows(device, x.rows, c4, Math.ceil(x.rows / leastRows));
  const partials = tape.tensor([splits, c4 * 4], "channel sums");
  const { grid, constants } = itemGrid(device, c4 * splits);
  device.run(
    kernels.channelSums,
    { x, partials },
    { rows: x.rows, c4, splits, rows_per_split: rowsPerSplit },
    grid,
    constants,
  );
  reducePartials(device, partials, out, splits, scale);
  tape.discard(partials);
}

/** Sum over all axes but the last. @param x [...,C], C >= 2 @returns [C] */
export function sumRows(tape: Tape, x: Tensor): Tensor {
  return rowReduction(tape, x, 1, "sumRows");
}

/** Mean over all axes but the last. @param x [...,C], C >= 2 @returns [C] */
export function meanRows(tape: Tape, x: Tensor): Tensor {
  return rowReduction(tape, x, 1 / x.rows, "meanRows");
}

/** Sum of all elements; one invocation sums what has one channel, so keep that small. @returns [1] */
export function sum(tape: Tape, x: Tensor): Tensor {
  return total(tape, x, 1, "sum");
}

/** Mean of all elements. @returns [1] */
export function mean(tape: Tape, x: Tensor): Tensor {
  return total(tape, x, 1 / x.size, "mean");
}

function rowReduction(tape: Tape, x: Tensor, scale: number, op: string): Tensor {
  if (x.pitch === 1) throw new ShapeError(`${op}: x ${formatShape(x.shape)} has one channel, at least 2 are supported`);
  const y = tape.tensor([x.dim(-1)], op);
  channelSums(tape, x, y, scale);
  tape.record(op, { x }, y, [], (dy, out) => {
    if (out.x) broadcast(tape, dy, out.x, scale, false);
    return { x: out.x };
  });
  return y;
}

function total(tape: Tape, x: Tensor, scale: number, op: string): Tensor {
  const device = tape.device;
  const y = tape.tensor([1], op);
  const weight = tape.one();
  if (x.pitch === 1) {
    device.run(kernels.sumSamples, { values: x, weight, out: y }, { n: x.rows, scale }, [1, 1, 1]);
  } else {
    const channels = tape.tensor([x.dim(-1)], op);
    channelSums(tape, x, channels);
    device.run(kernels.sumSamples, { values: channels, weight, out: y }, { n: x.dim(-1), scale }, [1, 1, 1]);
    tape.discard(channels);
  }
  tape.record(op, { x }, y, [], (dy, out) => {
    if (out.x) broadcast(tape, dy, out.x, scale, true);
    return { x: out.x };
  });
  return y;
}

function broadcast(tape: Tape, source: Tensor, target: Tensor, scale: number, SCALAR: boolean): void {
  const { grid, constants } = itemGrid(tape.device, target.paddedSize);
  const params = { rows: target.rows, channels: target.dim(-1), pitch: target.pitch, scale };
  tape.device.run(kernels.broadcastChannels, { source, out: target }, params, grid, { ...constants, SCALAR });
}
