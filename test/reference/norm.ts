import { map, type Nd, nd, rows, type Twin } from "./nd.js";

export interface BatchNormParams {
  /** Training mode normalises with the batch's statistics, eval mode with the running ones. */
  train: boolean;
  runningMean: Nd;
  runningVar: Nd;
  momentum?: number;
  eps?: number;
  /** Apply ReLU to the result (after the residual, when there is one). */
  relu?: boolean;
}

/** Mean and biased variance of every channel over all other axes. */
function statistics(x: Nd): { mean: Nd; variance: Nd; samples: number } {
  const { rows: samples, columns } = rows(x);
  const mean = nd([columns]);
  const variance = nd([columns]);
  x.data.forEach((value, k) => {
    mean.data[k % columns]! += value / samples;
  });
  x.data.forEach((value, k) => {
    variance.data[k % columns]! += (value - mean.data[k % columns]!) ** 2 / samples;
  });
  return { mean, variance, samples };
}

/** (x - mean) / sqrt(variance + eps), and the factor, per channel. */
function normalise(x: Nd, params: BatchNormParams): { normal: Nd; scale: Nd; samples: number } {
  const own = statistics(x);
  const mean = params.train ? own.mean : params.runningMean;
  const variance = params.train ? own.variance : params.runningVar;
  const scale = map(variance, (v) => 1 / Math.sqrt(v + (params.eps ?? 1e-5)));
  const columns = mean.data.length;
  const normal = map(x, (value, k) => (value - mean.data[k % columns]!) * scale.data[k % columns]!);
  return { normal, scale, samples: own.samples };
}

/**
 * Batch normalisation over the last axis of [N, H, W, C] or [N, C], as torch's BatchNorm2d and BatchNorm1d.
 * Inputs: x, weight [C], bias [C], optionally a residual of x's shape that is added before the ReLU.
 */
export const batchNorm: Twin<BatchNormParams> & {
  /** Running mean and variance after this forward pass: new = (1 - momentum) old + momentum batch, variance unbiased. */
  running(inputs: Nd[], params: BatchNormParams): { runningMean: Nd; runningVar: Nd };
} = {
  forward([x, weight, bias, residual], params) {
    const { normal } = normalise(x!, params);
    const columns = weight!.data.length;
    return map(normal, (value, k) => {
      const sum = value * weight!.data[k % columns]! + bias!.data[k % columns]! + (residual ? residual.data[k]! : 0);
      return params.relu ? Math.max(sum, 0) : sum;
    });
  },

  backward(inputs, params, dy) {
    const [x, weight, , residual] = inputs;
    const { normal, scale, samples } = normalise(x!, params);
    const columns = weight!.data.length;
    const y = batchNorm.forward(inputs, params);
    const g = params.relu ? map(dy, (value, k) => (y.data[k]! > 0 ? value : 0)) : dy;
    const dWeight = nd([columns]);
    const dBias = nd([columns]);
    g.data.forEach((value, k) => {
      dWeight.data[k % columns]! += value * normal.data[k]!;
      dBias.data[k % columns]! += value;
    });
    const dx = map(g, (value, k) => {
      const c = k % columns;
      const factor = weight!.data[c]! * scale.data[c]!;
      if (!params.train) return value * factor;
      return factor * (value - dBias.data[c]! / samples - (normal.data[k]! * dWeight.data[c]!) / samples);
    });
    return residual ? [dx, dWeight, dBias, map(g, (value) => value)] : [dx, dWeight, dBias];
  },

  running([x], { train, runningMean, runningVar, momentum = 0.1 }) {
    if (!train) return { runningMean, runningVar };
    const { mean, variance, samples } = statistics(x!);
    const blend = (old: Nd, batch: Nd, factor: number) =>
      map(old, (value, c) => (1 - momentum) * value + momentum * factor * batch.data[c]!);
    return {
      runningMean: blend(runningMean, mean, 1),
      runningVar: blend(runningVar, variance, samples / (samples - 1)),
    };
  },
};
