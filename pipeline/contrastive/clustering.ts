import {
  add,
  clusterAssignments,
  clusterBalance,
  type Device,
  ntXent,
  type Tape,
  type Tensor,
} from "../../engine/index.js";
import { Head, headLayers, type NetworkOutputs } from "../../models/index.js";
import type { Config } from "../config/schema.js";
import type { PatchSource } from "../data/source.js";
import { type DrawnViews, drawTwoViews, type Losses, type Objective } from "./objective.js";

/**
 * Contrastive Clustering (Li et al., AAAI 2021, Eqs. 1 to 7). Instance level: NT-Xent behind a head on the features. Cluster level: the classifier's
 * softmax assigns samples to clusters, and NT-Xent compares the columns of the two views' assignment matrices; the entropy term keeps all
 * clusters in use.
 */
export class Clustering implements Objective {
  readonly views = 2;
  readonly scalars = ["loss", "instanceLoss", "clusterLoss", "clusterBalance"] as const;
  readonly heads;
  readonly clusters = true;
  private readonly head: Head;
  private readonly balanceWeight: Tensor;

  /** @param features length of the network's feature vector */
  constructor(
    private readonly device: Device,
    private readonly config: Pick<Config, "seed" | "initialisation" | "contrastive" | "clustering">,
    features: number,
  ) {
    const { seed, initialisation, clustering } = config;
    const layers = headLayers([clustering.hidden, clustering.size], { norm: false });
    this.head = new Head(device, features, layers, { seed, initialisation, label: "instance head" });
    this.heads = { instance: { network: this.head.network, constantRate: false } };
    this.balanceWeight = device.fromValues([clustering.balanceWeight], [1], "weight of the clusters' balance");
  }

  draw(source: PatchSource, images: readonly number[], step: number, stream: string): Promise<DrawnViews> {
    return drawTwoViews(this.config.contrastive.crops, source, images, step, stream);
  }

  losses(tape: Tape, { features, logits }: NetworkOutputs): Losses<(typeof this.scalars)[number]> {
    const { contrastive, clustering } = this.config;
    const instanceLoss = ntXent(tape, this.head.forward(tape, features), { temperature: contrastive.temperature });
    const assignments = clusterAssignments(tape, logits);
    const clusterLoss = ntXent(tape, assignments, { temperature: clustering.temperature });
    const balance = clusterBalance(tape, assignments, this.balanceWeight);
    const loss = add(tape, add(tape, instanceLoss, clusterLoss), balance);
    return { loss, instanceLoss, clusterLoss, clusterBalance: balance };
  }

  release(): void {
    this.head.release();
    this.device.release(this.balanceWeight);
  }
}
