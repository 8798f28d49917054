import { map, type Nd, nd, rows, type Twin } from "./nd.js";

/** Softmax of x / temperature over the last axis. */
export const softmax: Twin<{ temperature?: number }> = {
  forward: ([x], { temperature = 1 }) => map(logSoftmax(map(x!, (value) => value / temperature)), Math.exp),

  backward(inputs, params, dy) {
    const y = softmax.forward(inputs, params);
    const { columns } = rows(y);
    const inner = rowSums(map(dy, (value, k) => value * y.data[k]!));
    return [
      map(dy, (value, k) => (y.data[k]! * (value - inner.data[Math.floor(k / columns)]!)) / (params.temperature ?? 1)),
    ];
  },
};

export interface CrossEntropyParams {
  /** Hard labels, one class index per sample; or ... */
  labels?: ArrayLike<number>;
  /** ... soft targets of the logits' shape. They get no gradient. */
  targets?: Nd;
  /** One factor per sample, 1 without. */
  mask?: ArrayLike<number>;
  /** Factor of the loss, 1 without. */
  weight?: number;
}

/** Soft targets as they are, hard labels as one-hot rows, each row times the sample's share of the loss. */
function shares(logits: Nd, { labels, targets, mask, weight = 1 }: CrossEntropyParams): Nd {
  const { rows: n, columns } = rows(logits);
  return map(logits, (_, k) => {
    const sample = Math.floor(k / columns);
    const target = targets ? targets.data[k]! : Number(labels![sample] === k % columns);
    return (target * weight * (mask ? mask[sample]! : 1)) / n;
  });
}

/**
 * Cross-entropy of softmax(logits [N, K]), shape [1]: weight / N * sum over samples of mask * -sum target * log_softmax.
 * The divisor is the batch size, masked samples included, so that an all-masked batch gives 0.
 */
export const softmaxCrossEntropy: Twin<CrossEntropyParams> = {
  forward([logits], params) {
    const share = shares(logits!, params);
    let loss = 0;
    logSoftmax(logits!).data.forEach((value, k) => {
      if (share.data[k] !== 0) loss -= share.data[k]! * value;
    });
    return nd([1], [loss]);
  },

  backward([logits], params, dy) {
    const share = shares(logits!, params);
    const { columns } = rows(logits!);
    const total = rowSums(share);
    const probabilities = softmax.forward([logits!], {});
    return [map(probabilities, (p, k) => dy.data[0]! * (p * total.data[Math.floor(k / columns)]! - share.data[k]!))];
  },
};

/** x - log(sum(exp(x))) over the last axis, shifted by the maximum. */
export function logSoftmax(x: Nd): Nd {
  const { rows: n, columns } = rows(x);
  const offsets = Array.from({ length: n }, (_, r) => {
    const row = x.data.subarray(r * columns, (r + 1) * columns);
    const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    return top + Math.log(row.reduce((total, value) => total + Math.exp(value - top), 0));
  });
  return map(x, (value, k) => value - offsets[Math.floor(k / columns)]!);
}

/** Index of each row's largest value, the first one in a tie. */
export function argmax(x: Nd): number[] {
  const { rows: n, columns } = rows(x);
  return Array.from({ length: n }, (_, r) => {
    let best = 0;
    for (let c = 1; c < columns; c++) if (x.data[r * columns + c]! > x.data[r * columns + best]!) best = c;
    return best;
  });
}

function rowSums(x: Nd): Nd {
  const { rows: n, columns } = rows(x);
  const sums = nd([n]);
  x.data.forEach((value, k) => {
    sums.data[Math.floor(k / columns)]! += value;
  });
  return sums;
}
