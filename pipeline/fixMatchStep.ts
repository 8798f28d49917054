import { type Device, softmaxCrossEntropy, Tape, type TapeOptions, type Tensor } from "../engine/index.js";
import type { Config } from "./config/schema.js";
import { noTerms, type StepTerms } from "./imbalance/terms.js";
import { type Learner, type MetaBatch, meanOf, partsOf } from "./metaStep.js";
import { type Dropout, StepScalars } from "./stepState.js";

/** What one step reports. `studentLossUnlabelled` is weighted, as it enters the sum. */
export const fixMatchScalars = ["studentLossLabelled", "studentLossUnlabelled", "maskMean"] as const;
export type FixMatchScalar = (typeof fixMatchScalars)[number];

/**
 * One update of FixMatch (Sohn et al., NeurIPS 2020): one network, which learns from L, and on strong views of U what it takes their
 * weak views for, where it is confident: CE(l, y) + lambdaU * mean over the batch of [max softmax(uw) >= threshold] * CE(us, argmax uw).
 * All three parts of the batch pass in one forward pass, and share batch statistics.
 */
export class FixMatchStep {
  readonly scalars: StepScalars<FixMatchScalar>;
  private readonly weight: Tensor;

  constructor(
    private readonly device: Device,
    private readonly learner: Learner,
    private readonly options: Config["fixmatch"],
    private readonly dropout: Dropout,
    private readonly memory: TapeOptions = {},
    private readonly terms: StepTerms = noTerms,
  ) {
    this.scalars = new StepScalars(device, fixMatchScalars);
    this.weight = device.fromValues([options.lambdaU], [1], "weight of U");
  }

  /** The host's part of a step: what must be written before its GPU work. */
  prepare(rate: number): void {
    this.learner.optimizer.setRate(rate);
  }

  /** The GPU's part of a step: it can be captured. @param batch stays the caller's; uw are the weak views, us the strong ones */
  compute({ inputs, labels }: MetaBatch): void {
    const { network, optimizer } = this.learner;
    const b = labels.size;
    const tape = new Tape(this.device, true, this.memory);
    const { logits, balanced } = network.forward(tape, inputs, {
      training: true,
      dropout: { ...this.dropout, pass: 0 },
    });
    const [l, uw, us] = partsOf(tape, logits, b);
    const [ownL, ownUw, ownUs] = balanced ? partsOf(tape, balanced, b) : [];
    const { terms, options } = this;
    const weak = { logits: uw, ...(ownUw && { balanced: ownUw }) };
    const pseudo = terms.pseudoLabels(tape, network, weak, { temperature: 1, threshold: options.threshold });
    const onL = softmaxCrossEntropy(tape, terms.labelled(tape, l), { labels });
    const { mask, label } = pseudo;
    const onU = softmaxCrossEntropy(tape, terms.unlabelled(tape, us), { labels: label }, { mask, weight: this.weight });
    const strong = ownUs && pseudo.balanced ? { logits: ownUs, pseudo: pseudo.balanced } : null;
    const own = ownL ? terms.balancedLosses(tape, { onL: ownL, labels, onU: strong }, 0) : [];
    tape.backward([onL, onU, ...own]);
    optimizer.apply();
    this.scalars.store({ studentLossLabelled: onL, studentLossUnlabelled: onU, maskMean: meanOf(tape, mask) });
    tape.dispose();
  }

  release(): void {
    this.scalars.release();
    this.device.release(this.weight);
  }
}
