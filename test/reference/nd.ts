/**
 * What the f64 CPU twins are made of: plain loops over row-major arrays, written to be read, not to be fast.
 * Images are [N, H, W, C] without channel padding, convolution weights [KH, KW, I, O].
 */

/** A dense row-major tensor of doubles. */
export interface Nd {
  shape: number[];
  data: Float64Array;
}

/**
 * A differentiable op: `backward` gives one gradient per input, given the gradient `dy` of the output. It recomputes what it
 * needs from the inputs, so that no twin keeps state.
 */
export interface Twin<P = object> {
  forward(inputs: Nd[], params: P): Nd;
  backward(inputs: Nd[], params: P, dy: Nd): Nd[];
}

/** Number of elements. */
export function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A tensor from any values (a copy), or of zeros. Throws when their number does not fit the shape. */
export function nd(shape: readonly number[], values?: ArrayLike<number>): Nd {
  if (values && values.length !== count(shape)) {
    throw new Error(`nd: shape [${shape}] needs ${count(shape)} values, ${values.length} given`);
  }
  return { shape: [...shape], data: values ? Float64Array.from(values) : new Float64Array(count(shape)) };
}

/** Zeros of the same shape. */
export function zerosLike({ shape }: Nd): Nd {
  return nd(shape);
}

/** A tensor of the same shape whose element k is `f(x[k], k)`. */
export function map(x: Nd, f: (value: number, k: number) => number): Nd {
  return { shape: [...x.shape], data: x.data.map(f) };
}

/** Sizes as a tuple, after a check of the rank. */
export function sizes4(x: Nd, what: string): [number, number, number, number] {
  if (x.shape.length !== 4) throw new Error(`${what}: expected 4 axes, got [${x.shape}]`);
  return x.shape as [number, number, number, number];
}

/** A view of a tensor as rows over its last axis: element (r, c) is `data[r * columns + c]`. */
export function rows(x: Nd): { rows: number; columns: number } {
  const columns = x.shape.at(-1) ?? 1;
  return { rows: columns === 0 ? 0 : x.data.length / columns, columns };
}

/** Views of a tensor around one axis: element (o, a, i) is `data[(o * axisSize + a) * inner + i]`. Negative axes count back. */
export function around(shape: readonly number[], axis: number): { outer: number; size: number; inner: number } {
  const at = axis < 0 ? shape.length + axis : axis;
  const size = shape[at];
  if (size === undefined) throw new Error(`axis ${axis} of a tensor with shape [${shape}]`);
  return { outer: count(shape.slice(0, at)), size, inner: count(shape.slice(at + 1)) };
}

/** The shape with the size of one axis replaced. */
export function withSize(shape: readonly number[], axis: number, size: number): number[] {
  return shape.with(axis, size);
}
