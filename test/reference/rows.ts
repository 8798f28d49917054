import { philox } from "../../engine/rng.js";
import { map, type Twin } from "./nd.js";

/** x [N,C] + shift * row [C] for each row of x. */
export const shiftRows: Twin<{ row: ArrayLike<number>; shift: number }> = {
  forward: ([x], { row, shift }) => map(x!, (value, k) => value + shift * row[k % row.length]!),
  backward: (_inputs, _params, dy) => [map(dy, (value) => value)],
};

/** base (1 without) where the uniform number of (seed, stream, sample, step) is below keep[label], else 0. */
export function bernoulliMask(
  label: readonly number[],
  keep: readonly number[],
  options: { seed: number; step: number; stream: number; base?: readonly number[] },
): number[] {
  const { seed, step, stream, base } = options;
  return label.map((c, n) => {
    const [word] = philox([seed, stream], [n, step, 0, 0]);
    return (word >>> 8) * 2 ** -24 < keep[c]! ? (base?.[n] ?? 1) : 0;
  });
}
