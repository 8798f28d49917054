import { linearSumAssignment } from "linear-sum-assignment";
import { type Optimizer, ShapeError, Tensor } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { ofClassifier } from "../contrastiveStep.js";

/** Weight of a cluster that already has its class's place: among equally good matchings the one that moves fewest is taken. */
const stay = 1e-9;

/**
 * One cluster for each class, so that the images with labels fit best (maximum assignment; Kuhn 1955, here by shortest augmenting paths).
 *
 * @param confusion counts, rows: classes, columns: clusters, as many as classes
 * @param by the largest mean recall over classes (a class without images has none), or the largest number of right images
 * @returns the cluster of each class. A cluster or a class that no image is in gets what is left over
 */
export function matchClusters(confusion: readonly (readonly number[])[], by: "recall" | "count"): number[] {
  const totals = confusion.map((row) => row.reduce((a, b) => a + b, 0));
  const all = totals.reduce((a, b) => a + b, 0);
  const gains = confusion.map((row, c) => {
    const whole = Math.max(1, by === "count" ? all : (totals[c] as number));
    return row.map((n, cluster) => n / whole + (c === cluster ? stay : 0));
  });
  return [...linearSumAssignment(gains, { maximaze: true }).rowAssignments];
}

/** Number of the classifier's outputs that are not in their old places. */
export function moved(order: readonly number[]): number {
  return order.filter((cluster, c) => cluster !== c).length;
}

/**
 * Puts the outputs of a network's classifier into another order: output c becomes what output order[c] was. What the optimiser keeps of these
 * parameters moves with them, so that training goes on as if nothing had been renamed.
 * @throws ShapeError if `order` is no permutation of the outputs
 */
export async function reorderOutputs(network: Network, optimizer: Optimizer, order: readonly number[]): Promise<void> {
  const { arena, device } = network;
  const last = arena.parameters.findLast(({ name, layout }) => ofClassifier(name) && layout === "linear");
  const outputs = last?.shape.at(-1);
  if (
    !last ||
    outputs !== order.length ||
    new Set(order).size !== outputs ||
    order.some((k) => !(k >= 0 && k < outputs))
  )
    throw new ShapeError(`reorderOutputs: [${order}] is no order of ${outputs} outputs`);
  if (moved(order) === 0) return;
  for (const name of [last.name, last.name.replace(/weight$/, "bias")]) {
    const { value } = arena.get(name);
    const offset = value.byteOffset - arena.values.byteOffset;
    const kept = optimizer.state.map(
      (all) => new Tensor(value.shape, "f32", all.buffer, `${all.label} ${name}`, all.byteOffset + offset),
    );
    for (const tensor of [value, ...kept]) {
      const before = await device.read(tensor);
      const after = before.map((_, at) => before[at - (at % outputs) + (order[at % outputs] as number)] as number);
      device.write(tensor, after);
    }
  }
}
