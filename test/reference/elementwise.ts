import { around, map, nd, type Twin, withSize } from "./nd.js";

/** max(x, 0); the gradient at 0 is 0. */
export const relu: Twin = {
  forward: ([x]) => map(x!, (value) => Math.max(value, 0)),
  backward: ([x], _params, dy) => [map(dy, (value, k) => (x!.data[k]! > 0 ? value : 0))],
};

/** x * mask / (1 - p) with a mask of zeros and ones, one per element. */
export const dropout: Twin<{ mask: ArrayLike<number>; p: number }> = {
  forward: ([x], { mask, p }) => map(x!, (value, k) => (mask[k]! ? value / (1 - p) : 0)),
  backward: (_inputs, { mask, p }, dy) => [map(dy, (value, k) => (mask[k]! ? value / (1 - p) : 0))],
};

/** Sum of any number of tensors of one shape. */
export const add: Twin = {
  forward([first, ...others]) {
    for (const { shape } of others) {
      if (shape.join() !== first!.shape.join()) throw new Error(`add: shapes [${first!.shape}] and [${shape}]`);
    }
    return map(first!, (value, k) => others.reduce((sum, other) => sum + other.data[k]!, value));
  },
  backward: (inputs, _params, dy) => inputs.map(() => map(dy, (value) => value)),
};

/** Part [start, end) of one axis (negative axes count from the end). */
export const slice: Twin<{ axis: number; start: number; end: number }> = {
  forward([x], { axis, start, end }) {
    const { outer, size, inner } = around(x!.shape, axis);
    if (!(0 <= start && start < end && end <= size)) throw new Error(`slice: [${start}, ${end}) of an axis of ${size}`);
    const y = nd(withSize(x!.shape, axis, end - start));
    for (let o = 0; o < outer; o++) {
      const from = (o * size + start) * inner;
      y.data.set(x!.data.subarray(from, from + (end - start) * inner), o * (end - start) * inner);
    }
    return y;
  },

  backward([x], { axis, start, end }, dy) {
    const { outer, size, inner } = around(x!.shape, axis);
    const dx = nd(x!.shape);
    const length = (end - start) * inner;
    for (let o = 0; o < outer; o++) {
      dx.data.set(dy.data.subarray(o * length, (o + 1) * length), (o * size + start) * inner);
    }
    return [dx];
  },
};

/** Tensors one after the other along one axis; all other sizes agree. */
export const concat: Twin<{ axis: number }> = {
  forward(inputs, { axis }) {
    const parts = inputs.map((x) => around(x.shape, axis));
    const total = parts.reduce((sum, { size }) => sum + size, 0);
    const y = nd(withSize(inputs[0]!.shape, axis, total));
    const row = total * parts[0]!.inner;
    let start = 0;
    inputs.forEach((x, at) => {
      const { outer, size, inner } = parts[at]!;
      const length = size * inner;
      for (let o = 0; o < outer; o++) y.data.set(x.data.subarray(o * length, (o + 1) * length), o * row + start);
      start += length;
    });
    return y;
  },

  backward(inputs, { axis }, dy) {
    let start = 0;
    return inputs.map((x) => {
      const { size } = around(x.shape, axis);
      start += size;
      return slice.forward([dy], { axis, start: start - size, end: start });
    });
  },
};

/** Sum of all elements, shape [1]. */
export const sum: Twin = {
  forward: ([x]) => nd([1], [x!.data.reduce((a, b) => a + b, 0)]),
  backward: ([x], _params, dy) => [map(x!, () => dy.data[0]!)],
};

/** Mean of all elements, shape [1]. */
export const mean: Twin = {
  forward: ([x]) => nd([1], [x!.data.reduce((a, b) => a + b, 0) / x!.data.length]),
  backward: ([x], _params, dy) => [map(x!, () => dy.data[0]! / x!.data.length)],
};
