import { logSoftmax, softmax } from "./loss.js";
import { map, type Nd, nd, rows, type Twin } from "./nd.js";

/** Rows divided by their lengths; rows no longer than `eps` become 0. */
function directions(z: Nd, eps = 1e-8): { u: Nd; inverse: number[] } {
  const { rows: m, columns: d } = rows(z);
  const inverse = Array.from({ length: m }, (_, i) => {
    const length = Math.hypot(...z.data.subarray(i * d, (i + 1) * d));
    return length <= eps ? 0 : 1 / length;
  });
  return {
    u: nd(
      z.shape,
      z.data.map((value, k) => value * inverse[Math.floor(k / d)]!),
    ),
    inverse,
  };
}

/** u u^T / temperature, -Infinity on the diagonal: nobody is compared with itself. */
function logits(u: Nd, temperature: number): Nd {
  const { rows: m, columns: d } = rows(u);
  const s = nd([m, m]);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < m; j++) {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += u.data[i * d + c]! * u.data[j * d + c]!;
      s.data[i * m + j] = i === j ? Number.NEGATIVE_INFINITY : dot / temperature;
    }
  return s;
}

/** NT-Xent of SimCLR: z [2N,D], vector i and i + N are views of one image. Shape [1]. */
export const ntXent: Twin<{ temperature: number; weight?: number }> = {
  forward([z], { temperature, weight = 1 }) {
    const m = z!.shape[0]!;
    const logp = logSoftmax(logits(directions(z!).u, temperature));
    let loss = 0;
    for (let i = 0; i < m; i++) loss -= logp.data[i * m + ((i + m / 2) % m)]! / m;
    return nd([1], [weight * loss]);
  },

  backward([z], { temperature, weight = 1 }, dy) {
    const { rows: m, columns: d } = rows(z!);
    const { u, inverse } = directions(z!);
    const logp = logSoftmax(logits(u, temperature));
    // Of the loss by the similarities, before the symmetry of the two places of a vector.
    const g = nd(
      [m, m],
      logp.data.map((v, k) => {
        const [i, j] = [Math.floor(k / m), k % m];
        return (weight * dy.data[0]! * (Math.exp(v) - Number(j === (i + m / 2) % m))) / m / temperature;
      }),
    );
    const dz = nd(z!.shape);
    for (let i = 0; i < m; i++) {
      const du = Array.from({ length: d }, (_, c) => {
        let sum = 0;
        for (let j = 0; j < m; j++) sum += (g.data[i * m + j]! + g.data[j * m + i]!) * u.data[j * d + c]!;
        return sum;
      });
      const along = du.reduce((sum, value, c) => sum + value * u.data[i * d + c]!, 0);
      for (let c = 0; c < d; c++) dz.data[i * d + c] = (du[c]! - along * u.data[i * d + c]!) * inverse[i]!;
    }
    return [dz];
  },
};

/** Element (view * k + c, i) of [2k,n] and element (view * n + i, c) of [2n,k] are the same. */
function turned(x: Nd, n: number, k: number, target: number[], toColumns: boolean): Nd {
  const y = nd(target);
  for (let view = 0; view < 2; view++)
    for (let i = 0; i < n; i++)
      for (let c = 0; c < k; c++) {
        const [column, row] = [(view * k + c) * n + i, (view * n + i) * k + c];
        if (toColumns) y.data[column] = x.data[row]!;
        else y.data[row] = x.data[column]!;
      }
  return y;
}

/** Columns of two views' softmax: logits [2N,K] -> [2K,N]. */
export const clusterAssignments: Twin = {
  forward([logits]) {
    const [n, k] = [logits!.shape[0]! / 2, logits!.shape[1]!];
    return turned(softmax.forward([logits!], {}), n, k, [2 * k, n], true);
  },

  backward([logits], _, dy) {
    const [n, k] = [logits!.shape[0]! / 2, logits!.shape[1]!];
    return softmax.backward([logits!], {}, turned(dy, n, k, [2 * n, k], false));
  },
};

/** Mean of each row of assignments. */
function shares(assignments: Nd): number[] {
  const { rows: m, columns: n } = rows(assignments);
  return Array.from(
    { length: m },
    (_, r) => assignments.data.subarray(r * n, (r + 1) * n).reduce((a, b) => a + b, 0) / n,
  );
}

/** Sum over both views of log K - entropy of the clusters' shares: [2K,N] -> [1]. */
export const clusterBalance: Twin<{ weight?: number }> = {
  forward([assignments], { weight = 1 }) {
    const k = assignments!.shape[0]! / 2;
    return nd([1], [weight * shares(assignments!).reduce((sum, p) => sum + (p === 0 ? 0 : p * Math.log(p * k)), 0)]);
  },

  backward([assignments], { weight = 1 }, dy) {
    const { rows: m, columns: n } = rows(assignments!);
    const slopes = shares(assignments!).map((p) => Math.log(Math.max(p, 1e-30) * (m / 2)) + 1);
    return [map(assignments!, (_, at) => (dy.data[0]! * weight * slopes[Math.floor(at / n)]!) / n)];
  },
};

/** Mean of -cos(p, z) over rows, z constant: [1]. */
export const negativeCosine: Twin<{ z: Nd; weight?: number }> = {
  forward([p], { z, weight = 1 }) {
    const { rows: m } = rows(p!);
    const [u, v] = [directions(p!).u, directions(z).u];
    return nd([1], [-(weight / m) * u.data.reduce((sum, value, at) => sum + value * v.data[at]!, 0)]);
  },

  backward([p], { z, weight = 1 }, dy) {
    const { rows: m, columns: d } = rows(p!);
    const [{ u, inverse }, { u: v }] = [directions(p!), directions(z)];
    const cosines = Array.from({ length: m }, (_, i) =>
      u.data.subarray(i * d, (i + 1) * d).reduce((sum, value, c) => sum + value * v.data[i * d + c]!, 0),
    );
    return [
      map(p!, (_, at) => {
        const i = Math.floor(at / d);
        return -((dy.data[0]! * weight) / m) * inverse[i]! * (v.data[at]! - cosines[i]! * u.data[at]!);
      }),
    ];
  },
};
