import { ShapeError } from "../errors.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";
import { convolve } from "./conv/conv2d.js";
import { geometry } from "./conv/geometry.js";

/**
 * Fully connected layer: y = x * weight + bias, a 1x1 convolution on a 1x1 image.
 * @param x [N,I] @param weight [1,1,I,O] @param bias [O] @returns [N,O]
 */
export function linear(tape: Tape, x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const [n, i, o] = [x.dim(0), x.dim(1), weight.dim(3)];
  if (x.shape.length !== 2) throw new ShapeError(`linear: x has shape ${formatShape(x.shape)}, expected [N,I]`);
  const g = geometry(x.view([n, 1, 1, i]), weight, bias, 1, 0);
  const y = tape.tensor([n, o], "linear");
  convolve(tape, "linear", g, { x, weight, bias, y });
  return y;
}
