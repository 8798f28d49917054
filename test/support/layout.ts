import type { RawTensor } from "../../models/safetensors.js";
import { type Nd, nd } from "../reference/nd.js";

/** Axes of torch's layout in the order of ours: [N,C,H,W] to [N,H,W,C]. */
const ACTIVATION = [0, 2, 3, 1];
/** [O,I,KH,KW] to [KH,KW,I,O]. */
const CONV_WEIGHT = [2, 3, 1, 0];
/** [O,I] to [I,O]. */
const LINEAR_WEIGHT = [1, 0];

/** The tensor with axis k of the result being axis `axes[k]` of x. */
export function permute(x: Nd, axes: readonly number[]): Nd {
  const y = nd(axes.map((axis) => x.shape[axis]!));
  const strides = x.shape.map((_, axis) => x.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  for (let k = 0; k < y.data.length; k++) {
    let rest = k;
    let from = 0;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      from += (rest % y.shape[axis]!) * strides[axes[axis]!]!;
      rest = Math.floor(rest / y.shape[axis]!);
    }
    y.data[k] = x.data[from]!;
  }
  return y;
}

/** The values of a file's tensor as doubles, in the file's layout. */
export function asNd({ shape, data }: RawTensor): Nd {
  return nd(shape, Float64Array.from(data as Iterable<number | bigint>, Number));
}

/** A parameter or buffer from torch's layout to ours; vectors stay as they are. */
export function weightFromTorch(tensor: Nd): Nd {
  if (tensor.shape.length === 4) return permute(tensor, CONV_WEIGHT);
  return tensor.shape.length === 2 ? permute(tensor, LINEAR_WEIGHT) : tensor;
}

/** A parameter or its gradient from our layout back to torch's. */
export function weightToTorch(tensor: Nd): Nd {
  if (tensor.shape.length === 4) return permute(tensor, [3, 2, 0, 1]);
  return tensor.shape.length === 2 ? permute(tensor, LINEAR_WEIGHT) : tensor;
}

/** Images or activations [N,C,H,W] to [N,H,W,C]. */
export function activationFromTorch(tensor: Nd): Nd {
  return permute(tensor, ACTIVATION);
}

/** Activations [N,H,W,C] to [N,C,H,W], as torch flattens them. */
export function activationToTorch(tensor: Nd): Nd {
  return permute(tensor, [0, 3, 1, 2]);
}
