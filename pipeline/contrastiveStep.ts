import { type Device, ntXent, Tape, type TapeOptions } from "../engine/index.js";
import type { NetworkInputs } from "../models/network.js";
import type { Learner } from "./metaStep.js";
import { type Dropout, StepScalars } from "./stepState.js";

export const contrastiveScalars = ["loss"] as const;

/** One update of SimCLR (Chen et al., ICML 2020): NT-Xent on the network's features of two views per image; the classifier stays. */
export class ContrastiveStep {
  readonly scalars: StepScalars<(typeof contrastiveScalars)[number]>;

  /** @param temperature of NT-Xent */
  constructor(
    private readonly device: Device,
    private readonly learner: Learner,
    private readonly temperature: number,
    private readonly dropout: Dropout,
    private readonly memory: TapeOptions = {},
  ) {
    this.scalars = new StepScalars(device, contrastiveScalars);
  }

  /** The host's part of a step: what must be written before its GPU work. */
  prepare(rate: number): void {
    this.learner.optimizer.setRate(rate);
  }

  /** The GPU's part of a step: it can be captured. @param inputs 2N views: the first ones of N images, then the second ones */
  compute(inputs: NetworkInputs): void {
    const { network, optimizer } = this.learner;
    const tape = new Tape(this.device, true, this.memory);
    const dropout = { ...this.dropout, pass: 0 };
    const { features } = network.forward(tape, inputs, { training: true, dropout });
    const loss = ntXent(tape, features, { temperature: this.temperature });
    tape.backward([loss]);
    optimizer.apply();
    this.scalars.store({ loss });
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
