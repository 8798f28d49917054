import type { Optimizer } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { matchClusters, moved, reorderOutputs } from "../contrastive/matching.js";
import { classify, evaluationOf } from "./classify.js";
import type { SplitData, Workspace } from "./workspace.js";

/** How clusters came by their names, as the line of an epoch tells it. */
export interface ClusterNames {
  /** Images of L in the cluster of each class. */
  readonly labelledInCluster: readonly number[];
  /** Mean recall on L, with the names that were just given. */
  readonly labelledBalancedAccuracy: number | null;
  /** Clusters that got another name than in the epoch before. */
  readonly renamed: number;
}

/**
 * Names the clusters of a network by the images of L: clusters are matched to classes (evaluation mode, central crops), and the classifier's outputs
 * put into the classes' order, the optimiser's memory with them. The network then classifies. It is not interrupted: an epoch is only saved with its clusters named.
 */
export async function nameClusters(
  ws: Workspace,
  { split, labels }: SplitData,
  network: Network,
  optimizer: Optimizer,
): Promise<ClusterNames> {
  const { confusion } = evaluationOf(ws, split.L, labels, await classify(ws, network, split.L));
  const order = matchClusters(confusion, ws.config.clustering.match);
  await reorderOutputs(network, optimizer, order);
  const recalls = confusion.flatMap((row, c) => {
    const images = sum(row);
    return images > 0 ? [(row[order[c] as number] as number) / images] : [];
  });
  return {
    labelledInCluster: order.map((cluster) => sum(confusion.map((row) => row[cluster] as number))),
    labelledBalancedAccuracy: recalls.length > 0 ? sum(recalls) / recalls.length : null,
    renamed: moved(order),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
