import { ShapeError } from "../engine/errors.js";

/** Anything with a shape, NHWC: a tensor on the GPU, or the shape alone where nothing is computed. */
export interface Shaped {
  readonly shape: readonly number[];
}

export interface NormOptions<T> {
  /** ReLU behind. */
  readonly relu: boolean;
  /** Added to the normalised values, before the ReLU: the other path of a residual. */
  readonly add?: T;
}

/**
 * The layers that networks are made of, bound to one forward pass. An architecture is written once against them:
 * `GpuLayers` computes, `ShapeLayers` follows the shapes and counts.
 *
 * A layer drops its inputs (see `Tape.drop`): a tensor that more than one layer reads is announced with `hold`.
 */
export interface Layers<T extends Shaped> {
  /** k x k convolution that keeps the size at stride 1; with bias where one was declared. x [N,H,W,I] -> [N,H/stride,W/stride,O] */
  conv(name: string, x: T, stride?: number): T;
  /** [N,I] -> [N,O] */
  linear(name: string, x: T): T;
  /** Over all axes but the last. [...,C] -> [...,C] */
  batchNorm(name: string, x: T, options: NormOptions<T>): T;
  relu(x: T): T;
  /** a + b, of the same shape. */
  add(a: T, b: T): T;
  /** In training, where the pass asks for it. */
  dropout(x: T): T;
  /** 2 x 2, stride 2, odd edges left out. */
  maxPool(x: T): T;
  /** Every pixel repeated factor x factor times. */
  upsample(x: T, factor: number): T;
  /** [N,H,W,C] -> [N,C] */
  globalAveragePool(x: T): T;
  /** [N,H,W,C] -> [N,C*H*W] in torch's order. */
  flatten(x: T): T;
  /** Joins along the last axis. */
  concatChannels(parts: readonly T[]): T;
  /** Hands `x` on to the caller of the network: no layer frees it. */
  keep(x: T): T;
  /** Announces that `uses` layers will read `x`. Announced twice, the uses add up (each announcement replaces one use). */
  hold(x: T, uses: number): T;
}

/** One batch of patches: the patch, and for multi-scale networks its central crop. */
export interface ImageInputs<T> {
  /** [N,S,S,1] */
  readonly x: T;
  /** [N,S/2,S/2,1], multi-scale only. */
  readonly x2?: T | null;
}

export interface Outputs<T> {
  /** [N,classes] */
  readonly logits: T;
  /** [N,features] */
  readonly features: T;
  /** [N,classes] of the balanced classifier, where the network has one. */
  readonly balanced?: T;
}

/** The central crop. @throws ShapeError naming the network, if there is none. */
export function smallScale<T>(network: string, inputs: ImageInputs<T>): T {
  if (!inputs.x2) throw new ShapeError(`${network}: the small-scale input is missing`);
  return inputs.x2;
}
