import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { itemGrid } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, sameShape, type Tensor } from "../tensor.js";

/**
 * weight * mean over pairs of -cos(p, z), where z is a constant: the stopped gradient of SimSiam (Chen & He, Exploring simple siamese representation
 * learning, CVPR 2021, Eqs. 1 and 3).
 *
 * @param p [N,D] @param z [N,D]: no gradient flows to it. A vector of length 1e-8 or less has no direction: its cosine is 0
 * @param weight f32 [1] on the GPU: factor of the loss. No gradient flows to it
 * @returns [1]
 * @throws ShapeError naming both shapes
 */
export function negativeCosine(tape: Tape, p: Tensor, z: Tensor, weight: Tensor = tape.one()): Tensor {
  const { device } = tape;
  if (p.shape.length !== 2 || !sameShape(p.shape, z.shape) || p.pitch % 4 !== 0)
    throw new ShapeError(
      `negativeCosine: p ${formatShape(p.shape)} and z ${formatShape(z.shape)} must be [N,D] alike, D at least 2`,
    );
  const [m, c4] = [p.dim(0), p.pitch / 4];
  const [rows, quads] = [itemGrid(device, m), itemGrid(device, m * c4)];
  const directions = (x: Tensor, name: string) => {
    const u = tape.tensor(x.shape, `${name} directions`);
    const inverse = tape.tensor([m], `${name} inverse lengths`);
    device.run(kernels.ntXentNormalize, { z: x, u, inverse }, { m, c4 }, rows.grid, rows.constants);
    return { u, inverse };
  };
  const [own, other] = [directions(p, "p"), directions(z, "z")];
  tape.discard(other.inverse);
  const losses = tape.tensor([m], "negative cosine per pair");
  device.run(kernels.negativeCosineForward, { u: own.u, v: other.u, losses }, { m, c4 }, rows.grid, rows.constants);
  const loss = tape.tensor([1], "negative cosine");
  device.run(kernels.sumSamples, { values: losses, weight, out: loss }, { n: m, scale: 1 / m }, [1, 1, 1]);
  const saved = [own.u, own.inverse, other.u, losses];
  tape.record("negativeCosine", { p }, loss, { saved, reads: [weight] }, (dy, out) => {
    if (out.p) {
      const bindings = { ...own, v: other.u, losses, weight, d_loss: dy, dp: out.p };
      device.run(kernels.negativeCosineBackward, bindings, { m, c4, scale: 1 / m }, quads.grid, quads.constants);
    }
    return { p: out.p };
  });
  return loss;
}
