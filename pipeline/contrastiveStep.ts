import { type Device, type Optimizer, Tape, type TapeOptions } from "../engine/index.js";
import type { NetworkInputs } from "../models/network.js";
import type { Objective } from "./contrastive/objective.js";
import type { Learner } from "./metaStep.js";
import { StepScalars } from "./stepState.js";

/** What moves a head of an objective. */
export interface HeadLearner {
  readonly optimizer: Optimizer;
  readonly constantRate: boolean;
}

/** One update from several views of each image: SimCLR, Contrastive Clustering, SimTriplet. There is no dropout. */
export class ContrastiveStep {
  /** What the last step reports: f32, one per name of the objective's. */
  readonly scalars: StepScalars<string>;

  /** @param heads what moves the objective's heads */
  constructor(
    private readonly device: Device,
    private readonly learner: Learner,
    private readonly objective: Objective,
    private readonly heads: readonly HeadLearner[] = [],
    private readonly memory: TapeOptions = {},
  ) {
    this.scalars = new StepScalars<string>(device, objective.scalars);
  }

  /** The host's part of a step: what must be written before its GPU work. @param full the rate without warm-up and schedule */
  prepare(rate: number, full = rate): void {
    this.learner.optimizer.setRate(rate);
    for (const { optimizer, constantRate } of this.heads) optimizer.setRate(constantRate ? full : rate);
  }

  /** The GPU's part of a step: it can be captured. @param inputs all first views of some images, then all second ones, and so on */
  compute(inputs: NetworkInputs): void {
    const { network, optimizer } = this.learner;
    const tape = new Tape(this.device, true, this.memory);
    const losses = this.objective.losses(tape, network.forward(tape, inputs, { training: true }));
    for (const loss of Object.values(losses)) tape.keep(loss);
    tape.backward([losses.loss]);
    for (const one of [optimizer, ...this.heads.map((head) => head.optimizer)]) one.apply();
    this.scalars.store(losses);
    tape.dispose();
  }

  release(): void {
    this.scalars.release();
  }
}

/** Parameters of the classifier, which stands behind the features in all networks. */
export function ofClassifier(name: string): boolean {
  return name.startsWith("classifier");
}
