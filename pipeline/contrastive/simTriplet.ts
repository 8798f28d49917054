import { add, type Device, negativeCosine, sliceBatch, type Tape, type Tensor } from "../../engine/index.js";
import { Head, headLayers, type NetworkOutputs } from "../../models/index.js";
import type { Config } from "../config/schema.js";
import type { PatchSource } from "../data/source.js";
import type { DrawnViews, Losses, Objective } from "./objective.js";

/**
 * SimTriplet (Liu et al., MICCAI 2021): two views of a patch, and one of a patch beside it, are to predict each other's projections; the projection that
 * is predicted gets no gradient (SimSiam: Chen & He, CVPR 2021). Loss as in the authors' code: D(p1,z2)/2 + D(p2,z1)/2 + D(p1,z3)/2 + D(p3,z1)/2.
 */
export class SimTriplet implements Objective {
  readonly views = 3;
  readonly scalars = ["loss", "intraLoss", "interLoss"] as const;
  readonly heads;
  readonly clusters = false;
  private readonly projection: Head;
  private readonly predictor: Head;
  private readonly half: Tensor;

  /** @param features length of the network's feature vector */
  constructor(
    private readonly device: Device,
    config: Pick<Config, "seed" | "initialisation" | "simtriplet">,
    features: number,
  ) {
    const { seed, initialisation } = config;
    const { layers, hidden, size, bottleneck, predictorSchedule } = config.simtriplet;
    const [projecting, predicting] = [
      headLayers([...Array<number>(layers - 1).fill(hidden), size], { norm: true, normLast: true }),
      headLayers([bottleneck, size], { norm: true }),
    ];
    this.projection = new Head(device, features, projecting, { seed, initialisation, label: "projection head" });
    this.predictor = new Head(device, size, predicting, { seed, initialisation, label: "predictor head" });
    this.heads = {
      projection: { network: this.projection.network, constantRate: false },
      predictor: { network: this.predictor.network, constantRate: predictorSchedule === "constant" },
    };
    this.half = device.fromValues([0.5], [1], "a half");
  }

  async draw(source: PatchSource, images: readonly number[], step: number, stream: string): Promise<DrawnViews> {
    const pairs = await source.drawPairs(images, step, stream);
    const [own, beside] = [images.map((_, i) => 2 * i), images.map((_, i) => 2 * i + 1)];
    return { patches: pairs, shown: [...own, ...own, ...beside] };
  }

  losses(tape: Tape, { features }: NetworkOutputs): Losses<(typeof this.scalars)[number]> {
    const projections = this.projection.forward(tape, features);
    const [z1, z2, z3] = thirds(tape, projections);
    const [p1, p2, p3] = thirds(tape, this.predictor.forward(tape, projections));
    const half = (p: Tensor, z: Tensor) => negativeCosine(tape, p, z, this.half);
    const intraLoss = add(tape, half(p1, z2), half(p2, z1));
    const interLoss = add(tape, half(p1, z3), half(p3, z1));
    return { loss: add(tape, intraLoss, interLoss), intraLoss, interLoss };
  }

  release(): void {
    this.projection.release();
    this.predictor.release();
    this.device.release(this.half);
  }
}

/** First, second and third views. @param x [3N,D] */
function thirds(tape: Tape, x: Tensor): [Tensor, Tensor, Tensor] {
  const n = x.dim(0) / 3;
  const part = (k: number) => sliceBatch(tape, x, k * n, (k + 1) * n);
  return [part(0), part(1), part(2)];
}
