import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { itemGrid } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";

/**
 * Max pooling without padding; rows and columns that fill no window are left out, as in torch.
 * @param x [N,H,W,C], C >= 2 @param k window side (default 2) @param stride default k
 * @returns [N, (H-k)/stride+1, (W-k)/stride+1, C], floor division
 */
export function maxPool(tape: Tape, x: Tensor, k = 2, stride = k): Tensor {
  const [n, h, w] = imageShape("maxPool", x);
  if (h < k || w < k) throw new ShapeError(`maxPool: window ${k}x${k} is larger than x ${formatShape(x.shape)}`);
  const oh = Math.floor((h - k) / stride) + 1;
  const ow = Math.floor((w - k) / stride) + 1;
  const y = tape.tensor([n, oh, ow, x.dim(3)], "maxPool");
  const params = { n, h, w, c4: x.pitch / 4, oh, ow, k, stride };
  const { grid, constants } = itemGrid(tape.device, y.paddedSize / 4);
  tape.device.run(kernels.maxPoolForward, { x, y }, params, grid, constants);
  tape.record("maxPool", { x }, y, [], (dy, out) => {
    if (out.x) {
      const items = itemGrid(tape.device, x.paddedSize / 4);
      tape.device.run(kernels.maxPoolBackward, { x, y, dy, dx: out.x }, params, items.grid, items.constants);
    }
    return { x: out.x };
  });
  return y;
}

/** Mean over the image plane. @param x [N,H,W,C], C >= 2 @returns [N,C] */
export function globalAveragePool(tape: Tape, x: Tensor): Tensor {
  const [n, h, w] = imageShape("globalAveragePool", x);
  const params = { n, pixels: h * w, c4: x.pitch / 4 };
  const y = tape.tensor([n, x.dim(3)], "globalAveragePool");
  const { grid, constants } = itemGrid(tape.device, y.paddedSize / 4);
  tape.device.run(kernels.globalAveragePoolForward, { x, y }, params, grid, constants);
  tape.record("globalAveragePool", { x }, y, [], (dy, out) => {
    if (out.x) {
      const items = itemGrid(tape.device, x.paddedSize / 4);
      tape.device.run(kernels.globalAveragePoolBackward, { dy, dx: out.x }, params, items.grid, items.constants);
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
  const params = { n, h, w, c4: x.pitch / 4, factor };
  const y = tape.tensor([n, h * factor, w * factor, x.dim(3)], "upsampleNearest");
  const { grid, constants } = itemGrid(tape.device, y.paddedSize / 4);
  tape.device.run(kernels.upsampleNearestForward, { x, y }, params, grid, constants);
  tape.record("upsampleNearest", { x }, y, [], (dy, out) => {
    if (out.x) {
      const items = itemGrid(tape.device, x.paddedSize / 4);
      tape.device.run(kernels.upsampleNearestBackward, { dy, dx: out.x }, params, items.grid, items.constants);
    }
    return { x: out.x };
  });
  return y;
}

function imageShape(op: string, x: Tensor): [number, number, number] {
  if (x.shape.length !== 4) throw new ShapeError(`${op}: x has shape ${formatShape(x.shape)}, expected [N,H,W,C]`);
  if (x.pitch === 1) throw new ShapeError(`${op}: x ${formatShape(x.shape)} has one channel, at least 2 are supported`);
  return [x.dim(0), x.dim(1), x.dim(2)];
}
