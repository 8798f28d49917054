/** Layouts of other engines: images NCHW, weights [O,I,KH,KW]. */

/**
 * @param {Float32Array} values row-major of `shape`
 * @param {readonly number[]} shape
 * @param {readonly number[]} order axis i of the result is axis order[i] of the values
 * @returns {Float32Array<ArrayBuffer>}
 */
export function permute(values, shape, order) {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const [sizes, steps] = [order.map((axis) => shape[axis] ?? 1), order.map((axis) => strides[axis] ?? 1)];
  const out = new Float32Array(values.length);
  const index = new Array(order.length).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = values[from] ?? 0;
    for (let axis = order.length - 1; axis >= 0; axis--) {
      from += steps[axis] ?? 0;
      index[axis] += 1;
      if (index[axis] < (sizes[axis] ?? 0)) break;
      from -= (steps[axis] ?? 0) * index[axis];
      index[axis] = 0;
    }
  }
  return out;
}

/** @param {Float32Array} values @param {readonly number[]} shape [N,H,W,C] */
export const toNchw = (values, shape) => permute(values, shape, [0, 3, 1, 2]);
/** @param {Float32Array} values @param {readonly number[]} shape [N,C,H,W] */
export const fromNchw = (values, shape) => permute(values, shape, [0, 2, 3, 1]);
/** @param {Float32Array} values @param {readonly number[]} shape [KH,KW,I,O] */
export const toOihw = (values, shape) => permute(values, shape, [3, 2, 0, 1]);
/** @param {Float32Array} values @param {readonly number[]} shape [O,I,KH,KW] */
export const fromOihw = (values, shape) => permute(values, shape, [2, 3, 1, 0]);
