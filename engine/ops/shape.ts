import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { columnGrid, itemGrid } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, sameShape, type Tensor } from "../tensor.js";

/** Joins along the last axis. @param parts [...,C_i] with the same other axes @returns [..., sum of C_i] */
export function concatChannels(tape: Tape, parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (!first) throw new ShapeError("concatChannels: nothing to join");
  for (const part of parts) {
    if (!sameShape(part.shape.slice(0, -1), first.shape.slice(0, -1))) {
      throw new ShapeError(
        `concatChannels: ${formatShape(first.shape)} and ${formatShape(part.shape)} differ in more than the last axis`,
      );
    }
  }
  const channels = parts.reduce((total, part) => total + part.dim(-1), 0);
  const y = tape.tensor([...first.shape.slice(0, -1), channels], "concatChannels");
  const offsets = starts(parts.map((part) => part.dim(-1)));
  parts.forEach((part, i) => {
    const to = offsets[i] as number;
    copyChannels(tape, part, 0, y, to, part.dim(-1), i === parts.length - 1 ? y.pitch : to + part.dim(-1));
  });
  tape.record("concatChannels", named(parts), y, { reads: [] }, (dy, out) => {
    parts.forEach((part, i) => {
      const dx = out[i];
      if (dx) copyChannels(tape, dy, offsets[i] as number, dx, 0, part.dim(-1), dx.pitch);
    });
    return out;
  });
  return y;
}

/** Channels `begin` to `end` (exclusive) of the last axis. @param x [...,C] @returns [...,end-begin] */
export function sliceChannels(tape: Tape, x: Tensor, begin: number, end: number): Tensor {
  checkRange("sliceChannels", x, begin, end, x.dim(-1));
  const y = tape.tensor([...x.shape.slice(0, -1), end - begin], "sliceChannels");
  copyChannels(tape, x, begin, y, 0, end - begin, y.pitch);
  tape.record("sliceChannels", { x }, y, { reads: [] }, (dy, out) => {
    if (out.x) {
      tape.device.clear(out.x);
      copyChannels(tape, dy, 0, out.x, begin, end - begin, end);
    }
    return { x: out.x };
  });
  return y;
}

/** Joins along the first axis. @param parts [N_i,...], at least two axes, with the same other axes @returns [sum of N_i,...] */
export function concatBatch(tape: Tape, parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (!first) throw new ShapeError("concatBatch: nothing to join");
  if (first.shape.length < 2) throw new ShapeError(`concatBatch: ${formatShape(first.shape)} has fewer than two axes`);
  for (const part of parts) {
    if (!sameShape(part.shape.slice(1), first.shape.slice(1))) {
      throw new ShapeError(
        `concatBatch: ${formatShape(first.shape)} and ${formatShape(part.shape)} differ in more than the first axis`,
      );
    }
  }
  const n = parts.reduce((total, part) => total + part.dim(0), 0);
  const y = tape.tensor([n, ...first.shape.slice(1)], "concatBatch");
  const offsets = starts(parts.map((part) => part.bytes));
  parts.forEach((part, i) => {
    tape.device.copyRange(part, 0, y, offsets[i] as number, part.bytes);
  });
  tape.record("concatBatch", named(parts), y, { reads: [] }, (dy, out) => {
    parts.forEach((part, i) => {
      const dx = out[i];
      if (dx) tape.device.copyRange(dy, offsets[i] as number, dx, 0, part.bytes);
    });
    return out;
  });
  return y;
}

/** Samples `begin` to `end` (exclusive) of the first axis. @param x [N,...], at least two axes @returns [end-begin,...] */
export function sliceBatch(tape: Tape, x: Tensor, begin: number, end: number): Tensor {
  if (x.shape.length < 2)
    throw new ShapeError(`sliceBatch: x has shape ${formatShape(x.shape)}, expected at least two axes`);
  checkRange("sliceBatch", x, begin, end, x.dim(0));
  const y = tape.tensor([end - begin, ...x.shape.slice(1)], "sliceBatch");
  const offset = (x.bytes / x.dim(0)) * begin;
  tape.device.copyRange(x, offset, y, 0, y.bytes);
  tape.record("sliceBatch", { x }, y, { reads: [] }, (dy, out) => {
    if (out.x) {
      tape.device.clear(out.x);
      tape.device.copyRange(dy, 0, out.x, offset, dy.bytes);
    }
    return { x: out.x };
  });
  return y;
}

/** [N,H,W,C] -> [N, H*W*C] in torch's order (C, H, W), so that the authors' linear weights fit. */
export function flatten(tape: Tape, x: Tensor): Tensor {
  const [n, h, w, c] = [x.dim(0), x.dim(1), x.dim(2), x.dim(3)];
  const y = tape.tensor([n, h * w * c], "flatten");
  // One pixel or one channel: there is nothing to turn.
  const same = (h * w === 1 || c === 1) && x.bytes === y.bytes;
  const turn = same ? null : (h * w) % 4 === 0 && x.pitch > 1 ? flattenQuads : flattenElements;
  if (turn) turn(tape, x, y, x, y, false);
  else tape.device.copy(x, y);
  tape.record("flatten", { x }, y, { reads: [] }, (dy, out) => {
    if (out.x && turn) turn(tape, x, y, dy, out.x, true);
    else if (out.x) tape.device.copy(dy, out.x);
    return { x: out.x };
  });
  return y;
}

/** @param image shape of the image side @param vector shape of the vector side */
function flattenQuads(
  tape: Tape,
  image: Tensor,
  vector: Tensor,
  source: Tensor,
  target: Tensor,
  BACKWARD: boolean,
): void {
  const [n, pixels, c4] = [image.dim(0), image.dim(1) * image.dim(2), image.pitch / 4];
  const { STEPS } = columnGrid(tape.device, image.rows / 4, 4 * c4).constants;
  const runs = Math.ceil(pixels / 4 / STEPS);
  const { grid, constants } = itemGrid(tape.device, n * runs * c4);
  const params = { n, pixels, channels: image.dim(3), c4, vector4: vector.pitch / 4, runs };
  tape.device.run(kernels.flattenQuads, { source, target_: target }, params, grid, { ...constants, STEPS, BACKWARD });
}

function flattenElements(
  tape: Tape,
  image: Tensor,
  vector: Tensor,
  source: Tensor,
  target: Tensor,
  BACKWARD: boolean,
): void {
  const { grid, constants } = itemGrid(tape.device, target.paddedSize);
  const params = {
    n: image.dim(0),
    pixels: image.dim(1) * image.dim(2),
    channels: image.dim(3),
    image_pitch: image.pitch,
    vector_pitch: vector.pitch,
  };
  if (BACKWARD) tape.device.run(kernels.flattenBackward, { dy: source, dx: target }, params, grid, constants);
  else tape.device.run(kernels.flattenForward, { x: source, y: target }, params, grid, constants);
}

/** target[..., to + c] = source[..., from + c] for c < channels, zeros up to channel `zeroTo`; the rest stays. */
function copyChannels(
  tape: Tape,
  source: Tensor,
  from: number,
  target: Tensor,
  to: number,
  channels: number,
  zeroTo: number,
): void {
  const device = tape.device;
  const rows = source.rows;
  const bindings = { source, target_: target };
  const run = { rows, channels, from_: from, to, zero_to: zeroTo };
  if (source.pitch === 1 || target.pitch === 1) {
    const { grid, constants } = itemGrid(device, rows * (zeroTo - to));
    const params = { ...run, source_pitch: source.pitch, target_pitch: target.pitch };
    device.run(kernels.copyChannelsSingle, bindings, params, grid, constants);
    return;
  }
  const columns = Math.ceil(zeroTo / 4) - Math.floor(to / 4);
  const { grid, constants } = columnGrid(device, rows, columns);
  const params = { ...run, columns, source_pitch: source.pitch / 4, target_pitch: target.pitch / 4 };
  device.run(kernels.copyChannels, bindings, params, grid, { ...constants, SHIFT: (from - to) & 3 });
}

function starts(lengths: readonly number[]): number[] {
  let at = 0;
  return lengths.map((length) => {
    at += length;
    return at - length;
  });
}

function named(parts: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(parts.map((part, i) => [String(i), part]));
}

function checkRange(op: string, x: Tensor, begin: number, end: number, length: number): void {
  if (!(begin >= 0 && begin < end && end <= length)) {
    throw new ShapeError(`${op}: range ${begin}..${end} is not inside 0..${length} (x ${formatShape(x.shape)})`);
  }
}
