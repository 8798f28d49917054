import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { fold, itemGrid, splitRows, workShape } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";

export interface BatchNormState {
  /** [C], moved by a forward pass in training. */
  readonly runningMean: Tensor;
  /** [C], moved by a forward pass in training (unbiased variance, as torch). */
  readonly runningVar: Tensor;
}

export interface BatchNormOptions {
  /** true: batch statistics, running ones updated; false: running statistics. */
  readonly training: boolean;
  /** Apply ReLU behind, in the same kernel. Default false. */
  readonly relu?: boolean;
  /** Default 1e-5. */
  readonly eps?: number;
  /** Share of the new batch in the running statistics. Default 0.1. */
  readonly momentum?: number;
}

/**
 * Batch normalisation over all axes but the last (so 2-D for [N,H,W,C] and 1-D for [N,C]), optionally with ReLU.
 * @param x [...,C] @param gamma [C] @param beta [C] @returns shape of x
 * @throws ShapeError if the channel counts differ or are 1, or in training with a single row.
 */
export function batchNorm(
  tape: Tape,
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  state: BatchNormState,
  options: BatchNormOptions,
): Tensor {
  for (const [name, t] of Object.entries({ gamma, beta, ...state })) {
    if (t.size !== x.dim(-1))
      throw new ShapeError(`batchNorm: ${name} ${formatShape(t.shape)} does not fit x ${formatShape(x.shape)}`);
  }
  if (x.pitch === 1)
    throw new ShapeError(`batchNorm: x ${formatShape(x.shape)} has one channel, at least 2 are supported`);
  if (options.training && x.rows < 2)
    throw new ShapeError(`batchNorm: x ${formatShape(x.shape)} has one value per channel: training needs more`);
  const [RELU, TRAINING] = [options.relu ?? false, options.training];
  const stats = TRAINING ? batchStatistics(tape, x, state, options) : runningStatistics(tape, x, state, options);
  const y = tape.tensor(x.shape, "batchNorm");
  const { grid, constants } = rowGrid(tape, x);
  const params = { rows: x.rows, c4: x.pitch / 4 };
  tape.device.run(kernels.batchNormApply, { x, stats, gamma, beta, y }, params, grid, { ...constants, RELU });
  tape.record("batchNorm", { x, gamma, beta }, y, [stats], (dy, out) => {
    const dGamma = out.gamma ?? tape.tensor([x.pitch], "unused dGamma");
    const dBeta = out.beta ?? tape.tensor([x.pitch], "unused dBeta");
    const sums = tape.tensor([2, x.pitch], "batchNorm sums");
    backwardSums(tape, { x, dy, stats, gamma, beta }, { sums, dGamma, dBeta }, RELU);
    if (out.x)
      tape.device.run(kernels.batchNormBackwardInput, { x, dy, stats, gamma, beta, sums, dx: out.x }, params, grid, {
        ...constants,
        RELU,
        TRAINING,
      });
    tape.discard(sums);
    if (!out.gamma) tape.discard(dGamma);
    if (!out.beta) tape.discard(dBeta);
    return { x: out.x, gamma: out.gamma, beta: out.beta };
  });
  if (!tape.recording) tape.drop(stats);
  return y;
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

type SumInputs = { x: Tensor; dy: Tensor; stats: Tensor; gamma: Tensor; beta: Tensor };

function backwardSums(
  tape: Tape,
  inputs: SumInputs,
  out: { sums: Tensor; dGamma: Tensor; dBeta: Tensor },
  RELU: boolean,
): void {
  const device = tape.device;
  const { x } = inputs;
  const c4 = x.pitch / 4;
  const { splits, rowsPerSplit } = splitRows(device, x.rows, c4, Math.max(1, Math.ceil(x.rows / 16)));
  const partials = tape.tensor([splits, 2, x.pitch], "batchNorm backward partials");
  const items = itemGrid(device, c4 * splits);
  const params = { rows: x.rows, c4, splits, rows_per_split: rowsPerSplit };
  device.run(kernels.batchNormBackwardSums, { ...inputs, partials }, params, items.grid, { ...items.constants, RELU });
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

/** One invocation per 4 channels x STEPS rows. */
function rowGrid(
  tape: Tape,
  x: Tensor,
): { grid: readonly [number, number, number]; constants: { WG: number; STEPS: number } } {
  const { threads: WG, steps: STEPS } = workShape(tape.device);
  return { grid: fold(Math.ceil(((x.pitch / 4) * Math.ceil(x.rows / STEPS)) / WG)), constants: { WG, STEPS } };
}
