import { ShapeError } from "../../errors.js";
import { formatShape, type Tensor } from "../../tensor.js";
import { octave } from "../../tuning/operation.js";

/** Sizes of a convolution as the kernels' params take them; `ci4` and `co4` count vec4 of channels. */
export interface Geometry {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly ci: number;
  readonly ci4: number;
  readonly oh: number;
  readonly ow: number;
  readonly co4: number;
  readonly kh: number;
  readonly kw: number;
  readonly stride: number;
  readonly pad: number;
}

/** @throws ShapeError naming the shapes that do not fit together. */
export function geometry(x: Tensor, weight: Tensor, bias: Tensor | null, stride: number, pad: number): Geometry {
  const [xs, ws] = [formatShape(x.shape), formatShape(weight.shape)];
  if (x.shape.length !== 4 || weight.shape.length !== 4)
    throw new ShapeError(`conv2d: x ${xs} must be [N,H,W,I], weight ${ws} [KH,KW,I,O]`);
  if (weight.dim(2) !== x.dim(3)) {
    throw new ShapeError(
      `conv2d: weight expects ${weight.dim(2)} input channels, x has ${x.dim(3)} (x ${xs}, weight ${ws})`,
    );
  }
  if (weight.dim(3) < 2) throw new ShapeError(`conv2d: weight ${ws} has one output channel, at least 2 are supported`);
  if (bias && (bias.shape.length !== 1 || bias.dim(0) !== weight.dim(3))) {
    throw new ShapeError(`conv2d: bias ${formatShape(bias.shape)} does not fit weight ${ws}`);
  }
  const [n, h, w, kh, kw] = [x.dim(0), x.dim(1), x.dim(2), weight.dim(0), weight.dim(1)];
  const oh = Math.floor((h + 2 * pad - kh) / stride) + 1;
  const ow = Math.floor((w + 2 * pad - kw) / stride) + 1;
  if (oh < 1 || ow < 1) throw new ShapeError(`conv2d: kernel ${kh}x${kw} is larger than x ${xs} with padding ${pad}`);
  return { n, h, w, ci: x.dim(3), ci4: Math.ceil(x.pitch / 4), oh, ow, co4: weight.pitch / 4, kh, kw, stride, pad };
}

export function shapeClass(g: Geometry): string {
  return `${g.kh}x${g.kw}s${g.stride} ${g.ci}->${4 * g.co4} rows${octave(g.n * g.oh)} cols${octave(g.ow)}`;
}

/** Multiply-adds count two; taps outside the image count too, as in the usual tables. */
export function flops(g: Geometry): number {
  return 2 * g.n * g.oh * g.ow * g.kh * g.kw * g.ci * g.co4 * 4;
}
