import { type Device, softmaxCrossEntropy, Tape, type TapeOptions, type Tensor } from "../engine/index.js";
import type { NetworkInputs } from "../models/network.js";
import { noTerms, type StepTerms } from "./imbalance/terms.js";
import type { Learner } from "./metaStep.js";
import { type Dropout, StepScalars } from "./stepState.js";

export const supervisedScalars = ["loss"] as const;

/** One update by cross-entropy on labelled patches: pre-training, the supervised method, fine-tuning. */
export class SupervisedStep {
  readonly scalars: StepScalars<(typeof supervisedScalars)[number]>;

  /** @param tape where only a part `trains`, the network runs as in evaluation: with running statistics, without dropout */
  constructor(
    private readonly device: Device,
    private readonly learner: Learner,
    private readonly dropout: Dropout,
    private readonly tape: TapeOptions = {},
    private readonly terms: StepTerms = noTerms,
  ) {
    this.scalars = new StepScalars(device, supervisedScalars);
  }

  /** The host's part of a step: what must be written before its GPU work. */
  prepare(rate: number): void {
    this.learner.optimizer.setRate(rate);
  }

  /** The GPU's part of a step: it can be captured. @param labels u32 [N] */
  compute(inputs: NetworkInputs, labels: Tensor): void {
    const tape = new Tape(this.device, true, this.tape);
    const { logits, balanced } = this.learner.network.forward(tape, inputs, {
      training: this.tape.trains === undefined,
      dropout: { ...this.dropout, pass: 0 },
    });
    const loss = softmaxCrossEntropy(tape, this.terms.labelled(tape, logits), { labels });
    const own = balanced ? this.terms.balancedLosses(tape, { onL: balanced, labels, onU: null }, 0) : [];
    tape.backward([loss, ...own]);
    this.learner.optimizer.apply();
    this.scalars.store({ loss });
    tape.dispose();
  }

  /** Both parts. */
  run(inputs: NetworkInputs, labels: Tensor, rate: number): void {
    this.prepare(rate);
    this.compute(inputs, labels);
  }

  release(): void {
    this.scalars.release();
  }
}
