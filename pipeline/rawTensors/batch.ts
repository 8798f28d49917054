import { formatShape, UserError } from "../../engine/index.js";
import { isMultiScale, type ModelName, type RawTensor, toFloat32 } from "../../models/index.js";

/** Images as they stand in a file, and as the engine takes them: with one channel NCHW and NHWC are the same. */
export interface RawImages {
  readonly count: number;
  /** Side, px. */
  readonly side: number;
  /** [count, side, side], row-major. */
  readonly values: Float32Array;
}

export interface RawBatch {
  readonly x: RawImages;
  /** The small scale, for multi-scale networks. */
  readonly x2: RawImages | null;
}

/**
 * `x` [N,1,H,W] and, for multi-scale networks, `x2` of half the side.
 * @param source the file, for messages
 * @throws UserError naming the tensor, its shape or the value that is not finite, and what is expected
 */
export function readBatch(tensors: ReadonlyMap<string, RawTensor>, model: ModelName, source: string): RawBatch {
  const multi = isMultiScale(model);
  const x = images(tensors, "x", source);
  if (!multi) {
    if (tensors.has("x2"))
      throw new UserError(`${source}: "x2" is for multi-scale networks; leave it out, or choose --model ms-${model}`);
    return { x, x2: null };
  }
  const x2 = images(tensors, "x2", source);
  if (x2.count !== x.count || 2 * x2.side !== x.side) {
    const found = `x2 has ${x2.count} images of ${x2.side} px, x has ${x.count} of ${x.side} px`;
    throw new UserError(`${source}: ${found}; ${model} needs as many, of half the side`);
  }
  return { x, x2 };
}

/** Images `begin` to `end` (exclusive). */
export function sliceImages({ side, values }: RawImages, begin: number, end: number): RawImages {
  const size = side * side;
  return { count: end - begin, side, values: values.subarray(begin * size, end * size) };
}

function images(tensors: ReadonlyMap<string, RawTensor>, name: string, source: string): RawImages {
  const tensor = tensors.get(name);
  if (!tensor) {
    const found = [...tensors.keys()].slice(0, 4).join(", ") || "nothing";
    throw new UserError(`${source}: tensor "${name}" [N,1,H,W] is missing; the file has ${found}`);
  }
  const [n = 0, c = 0, h = 0, w = 0] = tensor.shape;
  if (tensor.shape.length !== 4 || n < 1 || c !== 1 || h !== w) {
    const shape = formatShape(tensor.shape);
    throw new UserError(`${source}: tensor "${name}" has shape ${shape}, expected [N,1,H,W] with square images`);
  }
  const values = toFloat32(tensor);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    const where = `image ${Math.floor(wrong / (h * w))}`;
    throw new UserError(
      `${source}: tensor "${name}" holds ${values[wrong]} in ${where}; give finite numbers, such as 0 to 1`,
    );
  }
  return { count: n, side: h, values };
}
