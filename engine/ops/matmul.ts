import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { itemGrid } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";
import { multiply } from "./gemm/gemm.js";
import type { Layout } from "./gemm/geometry.js";

export interface MatmulOptions {
  /** a is [K,M]. Default false. */
  readonly transposeA?: boolean;
  /** b is [N,K]. Default false. */
  readonly transposeB?: boolean;
}

/**
 * Matrix product, as torch's `a @ b` of matrices.
 * @param a [M,K], or [K,M] with `transposeA` @param b [K,N], or [N,K] with `transposeB` @returns [M,N]
 * @throws ShapeError naming both shapes.
 */
export function matmul(tape: Tape, a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false } = options;
  const [m, n] = sizes(a, transposeA, b, transposeB);
  const y = tape.tensor([m, n], "matmul");
  product(tape, [a, transposeA], [b, transposeB], y);
  tape.record("matmul", { a, b }, y, { reads: [a, b] }, (dy, out) => {
    // dA = dY B', or its transpose B dY'; dB = A' dY, or dY' A.
    if (out.a && transposeA) product(tape, [b, transposeB], [dy, true], out.a);
    else if (out.a) product(tape, [dy, false], [b, !transposeB], out.a);
    if (out.b && transposeB) product(tape, [dy, true], [a, transposeA], out.b);
    else if (out.b) product(tape, [a, !transposeA], [dy, false], out.b);
    return { a: out.a, b: out.b };
  });
  return y;
}

function sizes(a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): [m: number, n: number] {
  const shapes = `a ${formatShape(a.shape)}${transposeA ? " transposed" : ""}, b ${formatShape(b.shape)}${transposeB ? " transposed" : ""}`;
  if (a.shape.length !== 2 || b.shape.length !== 2)
    throw new ShapeError(`matmul: expected two matrices, got ${shapes}; reshape them with view()`);
  const [m, k] = transposeA ? [a.dim(1), a.dim(0)] : [a.dim(0), a.dim(1)];
  const [k2, n] = transposeB ? [b.dim(1), b.dim(0)] : [b.dim(0), b.dim(1)];
  if (k !== k2) throw new ShapeError(`matmul: a has ${k} columns, b has ${k2} rows (${shapes})`);
  return [m, n];
}

type Factor = readonly [matrix: Tensor, transposed: boolean];

/** out = A B. A last axis of one lies unpadded in memory, and the kernels read whole vec4: such a matrix is copied. */
function product(tape: Tape, [a, transposeA]: Factor, [b, transposeB]: Factor, out: Tensor): void {
  const [wideA, wideB] = [widened(tape, a), widened(tape, b)];
  const wideOut = out.pitch === 1 ? tape.tensor([out.rows, 4], "matmul column") : out;
  const layout: Layout = transposeA ? (transposeB ? "tt" : "tn") : transposeB ? "nt" : "nn";
  const size = { m: out.dim(0), n: out.dim(1), k: a.dim(transposeA ? 0 : 1) };
  multiply(tape.device, layout, size, { a: wideA, b: wideB, out: wideOut });
  if (wideOut !== out) copyColumn(tape, wideOut, out);
  if (wideA !== a) tape.discard(wideA);
  if (wideB !== b) tape.discard(wideB);
  if (wideOut !== out) tape.discard(wideOut);
}

/** A matrix of one column as one of four, the others zero. */
function widened(tape: Tape, x: Tensor): Tensor {
  if (x.pitch > 1) return x;
  const wide = tape.tensor([x.rows, 4], "matmul column");
  copyColumn(tape, x, wide);
  return wide;
}

function copyColumn(tape: Tape, source: Tensor, target: Tensor): void {
  const { grid, constants } = itemGrid(tape.device, target.paddedSize);
  const params = { rows: source.rows, source_pitch: source.pitch, target_pitch: target.pitch };
  tape.device.run(kernels.gemmColumn, { source, target_: target }, params, grid, constants);
}
