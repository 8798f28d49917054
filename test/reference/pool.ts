import { map, type Nd, nd, sizes4, type Twin } from "./nd.js";

export interface PoolParams {
  size: number;
  stride: number;
}

/** Output shape, and for every output element the offset of its largest input: the first one in a tie, as torch. */
function largest(x: Nd, { size, stride }: PoolParams): { shape: number[]; from: number[] } {
  const [n, h, w, c] = sizes4(x, "maxPool x");
  const oh = Math.floor((h - size) / stride) + 1;
  const ow = Math.floor((w - size) / stride) + 1;
  const from: number[] = [];
  for (let k = 0; k < n * oh * ow * c; k++) {
    const channel = k % c;
    const ox = Math.floor(k / c) % ow;
    const oy = Math.floor(k / (c * ow)) % oh;
    const b = Math.floor(k / (c * ow * oh));
    let best = -1;
    for (let ky = 0; ky < size; ky++) {
      for (let kx = 0; kx < size; kx++) {
        const at = ((b * h + oy * stride + ky) * w + ox * stride + kx) * c + channel;
        if (best < 0 || x.data[at]! > x.data[best]! || Number.isNaN(x.data[at])) best = at;
      }
    }
    from.push(best);
  }
  return { shape: [n, oh, ow, c], from };
}

/** Max pooling without padding of x [N,H,W,C]; rows and columns that fill no window are left out. */
export const maxPool: Twin<PoolParams> = {
  forward([x], params) {
    const { shape, from } = largest(x!, params);
    return nd(
      shape,
      from.map((at) => x!.data[at]!),
    );
  },

  backward([x], params, dy) {
    const dx = nd(x!.shape);
    largest(x!, params).from.forEach((at, k) => {
      dx.data[at]! += dy.data[k]!;
    });
    return [dx];
  },
};

/** Mean over H and W: [N,H,W,C] to [N,1,1,C]. */
export const globalAveragePool: Twin = {
  forward([x]) {
    const [n, h, w, c] = sizes4(x!, "globalAveragePool x");
    const y = nd([n, 1, 1, c]);
    x!.data.forEach((value, k) => {
      y.data[Math.floor(k / (h * w * c)) * c + (k % c)]! += value / (h * w);
    });
    return y;
  },

  backward([x], _params, dy) {
    const [, h, w, c] = sizes4(x!, "globalAveragePool x");
    return [map(x!, (_, k) => dy.data[Math.floor(k / (h * w * c)) * c + (k % c)]! / (h * w))];
  },
};

/** For every element of the up-sampled tensor, the offset of the input element it repeats. */
function repeated(x: Nd, scale: number): { shape: number[]; from: number[] } {
  const [n, h, w, c] = sizes4(x, "upsampleNearest x");
  const from: number[] = [];
  for (let b = 0; b < n; b++) {
    for (let y = 0; y < h * scale; y++) {
      for (let ix = 0; ix < w * scale; ix++) {
        for (let channel = 0; channel < c; channel++) {
          from.push(((b * h + Math.floor(y / scale)) * w + Math.floor(ix / scale)) * c + channel);
        }
      }
    }
  }
  return { shape: [n, h * scale, w * scale, c], from };
}

/** Every pixel of x [N,H,W,C] becomes a block of `scale` x `scale` pixels. */
export const upsampleNearest: Twin<{ scale: number }> = {
  forward([x], { scale }) {
    const { shape, from } = repeated(x!, scale);
    return nd(
      shape,
      from.map((at) => x!.data[at]!),
    );
  },

  backward([x], { scale }, dy) {
    const dx = nd(x!.shape);
    repeated(x!, scale).from.forEach((at, k) => {
      dx.data[at]! += dy.data[k]!;
    });
    return [dx];
  },
};
