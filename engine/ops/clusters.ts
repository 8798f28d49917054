import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { itemGrid } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";

/**
 * The columns of two views' assignment matrices, softmax(logits), one below the other: row c says how much each sample belongs to cluster c in the
 * first view, row K + c in the second (Li et al., Contrastive clustering, AAAI 2021: what the cluster-level loss compares).
 *
 * @param logits [2N,K], N and K at least 2: the first views of N samples, then their second views in the same order
 * @returns [2K,N]
 * @throws ShapeError naming the shape
 */
export function clusterAssignments(tape: Tape, logits: Tensor): Tensor {
  const { device } = tape;
  const shape = formatShape(logits.shape);
  if (logits.shape.length !== 2 || logits.dim(0) < 4 || logits.dim(0) % 2 !== 0 || logits.dim(1) < 2)
    throw new ShapeError(
      `clusterAssignments: logits ${shape} must be [2N,K]: two views of N samples, and K clusters, both at least 2`,
    );
  const [n, k] = [logits.dim(0) / 2, logits.dim(1)];
  const y = tape.tensor([2 * k, n], "cluster assignments");
  const params = { n, k, pitch: logits.pitch, columns: y.pitch };
  const forward = itemGrid(device, 2 * y.pitch);
  device.run(kernels.clusterAssignmentsForward, { logits, y }, params, forward.grid, forward.constants);
  tape.record("clusterAssignments", { logits }, y, { reads: [y] }, (dy, out) => {
    const { grid, constants } = itemGrid(device, 2 * n);
    if (out.logits)
      device.run(kernels.clusterAssignmentsBackward, { y, dy, d_logits: out.logits }, params, grid, constants);
    return { logits: out.logits };
  });
  return y;
}

/**
 * What the entropy of the clusters' sizes lacks, summed over both views: sum over views of (log K - H(mean assignment)), in nats. It is 0 where all
 * clusters are used alike, and 2 log K where one has all samples (Li et al. 2021, the entropy term of Eq. 6 and their code).
 *
 * @param assignments [2K,N] as `clusterAssignments` gives them
 * @param weight f32 [1] on the GPU: factor of the loss. No gradient flows to it
 * @returns [1]
 * @throws ShapeError naming the shape
 */
export function clusterBalance(tape: Tape, assignments: Tensor, weight: Tensor = tape.one()): Tensor {
  const { device } = tape;
  if (assignments.shape.length !== 2 || assignments.dim(0) % 2 !== 0 || assignments.pitch % 4 !== 0)
    throw new ShapeError(
      `clusterBalance: assignments ${formatShape(assignments.shape)} must be [2K,N] of two views and at least 2 samples`,
    );
  const [rows, n, columns] = [assignments.dim(0), assignments.dim(1), assignments.pitch];
  const counts = { rows, k: rows / 2, per_sample: 1 / n };
  const share = tape.tensor([rows], "shares of clusters");
  const terms = tape.tensor([rows], "cluster balance per cluster");
  const each = itemGrid(device, rows);
  const bindings = { y: assignments, share, terms };
  device.run(kernels.clusterBalanceForward, bindings, { ...counts, c4: columns / 4 }, each.grid, each.constants);
  const loss = tape.tensor([1], "cluster balance");
  device.run(kernels.sumSamples, { values: terms, weight, out: loss }, { n: rows, scale: 1 }, [1, 1, 1]);
  tape.discard(terms);
  tape.record("clusterBalance", { assignments }, loss, { saved: [share], reads: [weight] }, (dy, out) => {
    if (out.assignments) {
      const { grid, constants } = itemGrid(device, rows * columns);
      const all = { share, weight, d_loss: dy, dy: out.assignments };
      device.run(kernels.clusterBalanceBackward, all, { ...counts, n, columns }, grid, constants);
    }
    return { assignments: out.assignments };
  });
  return loss;
}
