import { logSoftmax } from "./loss.js";
import { type Nd, nd, rows, type Twin } from "./nd.js";

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
