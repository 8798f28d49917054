/** Times and rates with the digits that they deserve. */

/** @param ms as "0.42 ms", "13 ms", "2.1 s" */
export function milliseconds(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toPrecision(3)} s`;
  return `${ms >= 10 ? ms.toPrecision(3) : ms.toFixed(2)} ms`;
}

/** Kinds of kernels, by the beginnings of their names. */
export const kinds = [
  { name: "convolution, forward", pattern: /^conv2d_(first_)?forward/, colour: 0 },
  { name: "its input gradient", pattern: /^conv2d_(first_)?backward_input/, colour: 1 },
  { name: "its weight gradient", pattern: /^conv2d_(first_)?backward_weight/, colour: 2 },
  { name: "matrix product", pattern: /^gemm/, colour: 3 },
  { name: "other", pattern: /./, colour: 4 },
] as const;

/** @returns index into `kinds` */
export function kindOf(kernel: string): number {
  return kinds.findIndex(({ pattern }) => pattern.test(kernel));
}
