import { type Nd, nd, rows, sizes4, type Twin } from "./nd.js";

export interface ConvParams {
  stride: number;
  padding: number;
}

interface Tap {
  x: number;
  w: number;
  y: number;
}

/** Calls `visit` with the element offsets of every product of a convolution (o = 0, i = 0), in a fixed order. */
function eachTap(x: Nd, weight: Nd, { stride, padding }: ConvParams, visit: (tap: Tap) => void): number[] {
  const [n, h, w, channels] = sizes4(x, "conv2d x");
  const [kh, kw, inputs, outputs] = sizes4(weight, "conv2d weight");
  if (channels !== inputs) throw new Error(`conv2d: x has ${channels} channels, weight expects ${inputs}`);
  const oh = Math.floor((h + 2 * padding - kh) / stride) + 1;
  const ow = Math.floor((w + 2 * padding - kw) / stride) + 1;
  for (let b = 0; b < n; b++) {
    for (let oy = 0; oy < oh; oy++) {
      for (let ox = 0; ox < ow; ox++) {
        for (let ky = 0; ky < kh; ky++) {
          for (let kx = 0; kx < kw; kx++) {
            const iy = oy * stride + ky - padding;
            const ix = ox * stride + kx - padding;
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            visit({
              x: ((b * h + iy) * w + ix) * inputs,
              w: (ky * kw + kx) * inputs * outputs,
              y: ((b * oh + oy) * ow + ox) * outputs,
            });
          }
        }
      }
    }
  }
  return [n, oh, ow, outputs];
}

/** Cross-correlation as torch's conv2d. Inputs: x [N,H,W,I], weight [KH,KW,I,O], optionally bias [O]. */
export const conv2d: Twin<ConvParams> = {
  forward([x, weight, bias], params) {
    const shape = eachTap(x!, weight!, params, () => {});
    const [inputs, outputs] = weight!.shape.slice(2) as [number, number];
    const y = nd(shape);
    if (bias)
      y.data.forEach((_, k) => {
        y.data[k] = bias.data[k % outputs]!;
      });
    eachTap(x!, weight!, params, (at) => {
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) {
          y.data[at.y + o]! += x!.data[at.x + i]! * weight!.data[at.w + i * outputs + o]!;
        }
      }
    });
    return y;
  },

  backward([x, weight, bias], params, dy) {
    const [inputs, outputs] = weight!.shape.slice(2) as [number, number];
    const dx = nd(x!.shape);
    const dWeight = nd(weight!.shape);
    eachTap(x!, weight!, params, (at) => {
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) {
          const g = dy.data[at.y + o]!;
          dx.data[at.x + i]! += g * weight!.data[at.w + i * outputs + o]!;
          dWeight.data[at.w + i * outputs + o]! += g * x!.data[at.x + i]!;
        }
      }
    });
    return bias ? [dx, dWeight, columnSums(dy)] : [dx, dWeight];
  },
};

/**
 * y = x weight + bias over the last axis. Inputs: x [..., I], weight [..., I, O] (leading axes of size 1), optionally
 * bias [O]. Output [..., O].
 */
export const linear: Twin = {
  forward([x, weight, bias]) {
    const { rows: m, columns: inputs } = rows(x!);
    const [expected, outputs] = weight!.shape.slice(-2) as [number, number];
    if (inputs !== expected) throw new Error(`linear: x has ${inputs} features, weight expects ${expected}`);
    const y = nd([...x!.shape.slice(0, -1), outputs]);
    for (let r = 0; r < m; r++) {
      for (let o = 0; o < outputs; o++) {
        let sum = bias ? bias.data[o]! : 0;
        for (let i = 0; i < inputs; i++) sum += x!.data[r * inputs + i]! * weight!.data[i * outputs + o]!;
        y.data[r * outputs + o] = sum;
      }
    }
    return y;
  },

  backward([x, weight, bias], _params, dy) {
    const { rows: m, columns: inputs } = rows(x!);
    const outputs = weight!.shape.at(-1)!;
    const dx = nd(x!.shape);
    const dWeight = nd(weight!.shape);
    for (let r = 0; r < m; r++) {
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) {
          dx.data[r * inputs + i]! += dy.data[r * outputs + o]! * weight!.data[i * outputs + o]!;
          dWeight.data[i * outputs + o]! += dy.data[r * outputs + o]! * x!.data[r * inputs + i]!;
        }
      }
    }
    return bias ? [dx, dWeight, columnSums(dy)] : [dx, dWeight];
  },
};

/** Sums over all axes but the last: the gradient of a bias. */
export function columnSums(x: Nd): Nd {
  const { columns } = rows(x);
  const sums = nd([columns]);
  x.data.forEach((value, k) => {
    sums.data[k % columns]! += value;
  });
  return sums;
}
