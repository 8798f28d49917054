import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { columnGrid, itemGrid, splitRows } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, sameShape, type Tensor } from "../tensor.js";

export interface BatchNormState {
  /** [C], moved by a forward pass in training. */
  readonly runningMean: Tensor;
  /** [C], moved by a forward pass in training (unbiased variance, as torch). */
  readonly runningVar: Tensor;
}

export interface BatchNormOptions {
  /** true: batch statistics, running ones updated; false: running statistics. */
  readonly training: boolean;
  /** A tensor of x's shape that is added to the result, before the ReLU, in the same kernel: a residual connection. */
  readonly add?: Tensor | null;
  /** Apply ReLU behind, in the same kernel. Default false. */
  readonly relu?: boolean;
  /** Default 1e-5. */
  readonly eps?: number;
  /** Share of the new batch in the running statistics. Default 0.1. */
  readonly momentum?: number;
}

/**
 * Batch normalisation over all axes but the last (so 2-D for [N,H,W,C] and 1-D for [N,C]), optionally with an addition and
 * ReLU: y = relu?(bn(x) + add).
 * @param x [...,C] @param gamma [C] @param beta [C] @returns shape of x
 * @throws ShapeError if the shapes do not fit, x has one channel, or in training with a single row.
 */
export function batchNorm(
  tape: Tape,
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  state: BatchNormState,
  options: BatchNormOptions,
): Tensor {
  checkShapes(x, { gamma, beta, ...state }, options);
  const [RELU, TRAINING] = [options.relu ?? false, options.training];
  const stats = TRAINING ? batchStatistics(tape, x, state, options) : runningStatistics(tape, x, state, options);
  const y = tape.tensor(x.shape, "batchNorm");
  const { grid, constants } = columnGrid(tape.device, x.rows, x.pitch / 4);
  const params = { rows: x.rows, c4: x.pitch / 4 };
  const add = options.add ?? null;
  const bindings = { x, stats, gamma, beta, add: add ?? x, y };
  const apply = () =>
    tape.device.run(kernels.batchNormApply, bindings, params, grid, { ...constants, RELU, ADD: add !== null });
  apply();
  // A sum would need its other part again, and that, in a chain of residuals, the one before: it stays.
  if (!add) tape.recomputable(y, [x], apply);
  const saved: Saved = { x, stats, gamma, beta, y, RELU, TRAINING };
  const plain = (dy: Tensor, out: Gradients) => backward(tape, saved, dy, null, out);
  const adding = (dy: Tensor, out: Gradients & { readonly add: Tensor | null }) => {
    const g = out.add ?? tape.tensor(x.shape, "unused dAdd");
    const gradients = backward(tape, saved, dy, g, out);
    if (!out.add) tape.discard(g);
    return { ...gradients, add: out.add };
  };
  const saves = { saved: [stats], reads: add ? [x, gamma, beta, y] : [x, gamma, beta] };
  if (add) tape.record("batchNorm", { x, gamma, beta, add }, y, saves, adding);
  else tape.record("batchNorm", { x, gamma, beta }, y, saves, plain);
  if (!tape.recording) tape.drop(stats);
  return y;
}

type Saved = { x: Tensor; stats: Tensor; gamma: Tensor; beta: Tensor; y: Tensor; RELU: boolean; TRAINING: boolean };
type Gradients = { readonly x: Tensor | null; readonly gamma: Tensor | null; readonly beta: Tensor | null };

/** @param g where something was added: gets its gradient, dy behind the ReLU */
function backward(tape: Tape, saved: Saved, dy: Tensor, g: Tensor | null, out: Gradients): Gradients {
  const { x, stats, gamma, beta, RELU, TRAINING } = saved;
  const dGamma = out.gamma ?? tape.tensor([x.pitch], "unused dGamma");
  const dBeta = out.beta ?? tape.tensor([x.pitch], "unused dBeta");
  const sums = tape.tensor([2, x.pitch], "batchNorm sums");
  backwardSums(tape, saved, dy, g, { sums, dGamma, dBeta });
  if (out.x) {
    const { grid, constants } = columnGrid(tape.device, x.rows, x.pitch / 4);
    // The ReLU is already in g.
    const more = { ...constants, RELU: RELU && !g, TRAINING };
    const bindings = { x, dy: g ?? dy, stats, gamma, beta, sums, dx: out.x };
    tape.device.run(kernels.batchNormBackwardInput, bindings, { rows: x.rows, c4: x.pitch / 4 }, grid, more);
  }
  tape.discard(sums);
  if (!out.gamma) tape.discard(dGamma);
  if (!out.beta) tape.discard(dBeta);
  return { x: out.x, gamma: out.gamma, beta: out.beta };
}

function checkShapes(x: Tensor, vectors: Readonly<Record<string, Tensor>>, options: BatchNormOptions): void {
  const text = formatShape(x.shape);
  for (const [name, t] of Object.entries(vectors)) {
    if (t.size !== x.dim(-1)) throw new ShapeError(`batchNorm: ${name} ${formatShape(t.shape)} does not fit x ${text}`);
  }
  if (options.add && !sameShape(options.add.shape, x.shape))
    throw new ShapeError(`batchNorm: add ${formatShape(options.add.shape)} must have the shape of x ${text}`);
  if (x.pitch === 1) throw new ShapeError(`batchNorm: x ${text} has one channel, at least 2 are supported`);
  if (options.training && x.rows < 2)
    throw new ShapeError(`batchNorm: x ${text} has one value per channel: training needs more`);
}

function batchStatistics(tape: Tape, x: Tensor, state: BatchNormState, options: BatchNormOptions): Tensor {
  const device = tape.device;
  const c4 = x.pitch / 4;
  const { splits, rowsPerSplit } = splitRows(device, x.rows, c4, Math.max(1, Math.ceil(x.rows / 16)));
  const params = { rows: x.rows, c4, splits, rows_per_split: rowsPerSplit };
  const partials = tape.tensor([splits, 2, x.pitch], "batchNorm partials");
  const stats = tape.tensor([3, x.pitch], "batchNorm stats");
  const items = itemGrid(device, c4 * splits);
  device.run(kernels.batchNormStats, { x, partials }, params, items.grid, items.constants);
  const { grid, constants } = itemGrid(device, c4);
  const more = { ...params, eps: options.eps ?? 1e-5, momentum: options.momentum ?? 0.1 };
  device.run(
    kernels.batchNormFinalize,
    { partials, stats, running_mean: state.runningMean, running_var: state.runningVar },
    more,
    grid,
    constants,
  );
  tape.discard(partials);
  return stats;
}

function runningStatistics(tape: Tape, x: Tensor, state: BatchNormState, options: BatchNormOptions): Tensor {
  const c4 = x.pitch / 4;
  const stats = tape.tensor([3, x.pitch], "batchNorm stats");
  const { grid, constants } = itemGrid(tape.device, c4);
  const bindings = { running_mean: state.runningMean, running_var: state.runningVar, stats };
  tape.device.run(kernels.batchNormRunning, bindings, { c4, eps: options.eps ?? 1e-5 }, grid, constants);
  return stats;
}

/** Sums over rows of g and g * xhat, where g is dy behind the ReLU. @param g gets its values, if given */
function backwardSums(
  tape: Tape,
  { x, y, stats, gamma, beta, RELU }: Saved,
  dy: Tensor,
  g: Tensor | null,
  out: { sums: Tensor; dGamma: Tensor; dBeta: Tensor },
): void {
  const device = tape.device;
  const c4 = x.pitch / 4;
  const { splits, rowsPerSplit } = splitRows(device, x.rows, c4, Math.max(1, Math.ceil(x.rows / 16)));
  const partials = tape.tensor([splits, 2, x.pitch], "batchNorm backward partials");
  const items = itemGrid(device, c4 * splits);
  const params = { rows: x.rows, c4, splits, rows_per_split: rowsPerSplit };
  const more = { ...items.constants, RELU };
  if (g)
    device.run(kernels.batchNormBackwardSumsAdd, { x, y, dy, stats, g_out: g, partials }, params, items.grid, more);
  else device.run(kernels.batchNormBackwardSums, { x, dy, stats, gamma, beta, partials }, params, items.grid, more);
  const { grid, constants } = itemGrid(device, c4);
  device.run(
    kernels.batchNormBackwardReduce,
    { partials, sums: out.sums, d_gamma: out.dGamma, d_beta: out.dBeta },
    { c4, splits },
    grid,
    constants,
  );
  tape.discard(partials);
}
