import { ShapeError } from "../errors.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";
import { convolve } from "./conv/conv2d.js";
import { geometry } from "./conv/geometry.js";
import { project } from "./gemm/project.js";

/**
 * Fully connected layer: y = x * weight + bias.
 * @param x [N,I] @param weight [1,1,I,O], O >= 2 @param bias [O] or null @returns [N,O]
 * @throws ShapeError naming the shapes that do not fit together.
 */
export function linear(tape: Tape, x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  if (x.shape.length !== 2) throw new ShapeError(`linear: x has shape ${formatShape(x.shape)}, expected [N,I]`);
  const [n, i, o] = [x.dim(0), x.dim(1), weight.dim(3)];
  const g = geometry(x.view([n, 1, 1, i]), weight, bias, 1, 0);
  const y = tape.tensor([n, o], "linear");
  // One feature lies unpadded in memory, as images of one channel do.
  if (x.pitch === 1) convolve(tape, "linear", g, { x, weight, bias, y });
  else project(tape, "linear", { x, weight, bias, y });
  return y;
}
