import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { columnGrid, itemGrid } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";

/**
 * Max pooling without padding; rows and columns that fill no window are left out, as in torch.
 * @param x [N,H,W,C], C >= 2 @param k window side, at most 16 (default 2) @param stride default k
 * @returns [N, (H-k)/stride+1, (W-k)/stride+1, C], floor division
 */
export function maxPool(tape: Tape, x: Tensor, k = 2, stride = k): Tensor {
  const [n, h, w] = imageShape("maxPool", x);
  if (h < k || w < k) throw new ShapeError(`maxPool: window ${k}x${k} is larger than x ${formatShape(x.shape)}`);
  if (k > 16) throw new ShapeError(`maxPool: window ${k}x${k} is larger than 16x16, the most that is supported`);
  const device = tape.device;
  const oh = Math.floor((h - k) / stride) + 1;
  const ow = Math.floor((w - k) / stride) + 1;
  const y = tape.tensor([n, oh, ow, x.dim(3)], "maxPool");
  const index = tape.tensor([y.paddedSize / 4], "maxPool index", "u32");
  const params = { n, h, w, c4: x.pitch / 4, oh, ow };
  const outputs = columnGrid(device, y.rows, params.c4);
  const constants = { ...outputs.constants, K: k, STRIDE: stride };
  device.run(kernels.maxPoolForward, { x, y, index }, params, outputs.grid, constants);
  tape.record("maxPool", { x }, y, { saved: [index], reads: [] }, (dy, out) => {
    if (out.x && k > stride) {
      const inputs = columnGrid(device, x.rows, params.c4);
      const more = { ...constants, ...inputs.constants };
      device.run(kernels.maxPoolBackwardOverlap, { index, dy, dx: out.x }, params, inputs.grid, more);
    } else if (out.x) {
      if (k < stride || oh * stride !== h || ow * stride !== w) device.clear(out.x);
      device.run(kernels.maxPoolBackward, { index, dy, dx: out.x }, params, outputs.grid, constants);
    }
    return { x: out.x };
  });
  if (!tape.recording) tape.drop(index);
  return y;
}

/** Mean over the image plane. @param x [N,H,W,C], C >= 2 @returns [N,C] */
export function globalAveragePool(tape: Tape, x: Tensor): Tensor {
  const [n, h, w] = imageShape("globalAveragePool", x);
  const params = { n, pixels: h * w, c4: x.pitch / 4 };
  const y = tape.tensor([n, x.dim(3)], "globalAveragePool");
  const { grid, constants } = itemGrid(tape.device, y.paddedSize / 4);
  tape.device.run(kernels.globalAveragePoolForward, { x, y }, params, grid, constants);
  tape.record("globalAveragePool", { x }, y, { reads: [] }, (dy, out) => {
    if (out.x) {
      const { STEPS } = columnGrid(tape.device, x.rows, params.c4).constants;
      const runs = Math.ceil(params.pixels / STEPS);
      const shares = itemGrid(tape.device, n * runs * params.c4);
      const more = { ...shares.constants, STEPS };
      tape.device.run(kernels.globalAveragePoolBackward, { dy, dx: out.x }, { ...params, runs }, shares.grid, more);
    }
    return { x: out.x };
  });
  return y;
}

/** Each pixel repeated `factor` x `factor` times. @param x [N,H,W,C], C >= 2 @returns [N,H*factor,W*factor,C] */
export function upsampleNearest(tape: Tape, x: Tensor, factor: number): Tensor {
  const [n, h, w] = imageShape("upsampleNearest", x);
  if (!Number.isInteger(factor) || factor < 1)
    throw new ShapeError(`upsampleNearest: factor is ${factor}, expected a whole number from 1`);
  const params = { n, h, w, c4: x.pitch / 4 };
  const y = tape.tensor([n, h * factor, w * factor, x.dim(3)], "upsampleNearest");
  const columns = columnGrid(tape.device, x.rows, params.c4);
  const constants = { ...columns.constants, FACTOR: factor };
  tape.device.run(kernels.upsampleNearestForward, { x, y }, params, columns.grid, constants);
  tape.record("upsampleNearest", { x }, y, { reads: [] }, (dy, out) => {
    if (out.x) tape.device.run(kernels.upsampleNearestBackward, { dy, dx: out.x }, params, columns.grid, constants);
    return { x: out.x };
  });
  return y;
}

function imageShape(op: string, x: Tensor): [number, number, number] {
  if (x.shape.length !== 4) throw new ShapeError(`${op}: x has shape ${formatShape(x.shape)}, expected [N,H,W,C]`);
  if (x.pitch === 1) throw new ShapeError(`${op}: x ${formatShape(x.shape)} has one channel, at least 2 are supported`);
  return [x.dim(0), x.dim(1), x.dim(2)];
}
