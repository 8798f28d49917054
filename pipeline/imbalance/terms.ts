import {
  bernoulliMask,
  type Device,
  type PseudoLabels,
  pseudoLabels,
  shiftRows,
  softmaxCrossEntropy,
  Tape,
  type Tensor,
} from "../../engine/index.js";
import type { Network, NetworkInputs, NetworkOutputs } from "../../models/index.js";
import type { Config } from "../config/schema.js";
import type { Dropout } from "../stepState.js";

/** Temperature and threshold of pseudo-labels. */
interface Rule {
  readonly temperature: number;
  readonly threshold: number;
}

/** Pseudo-labels of both classifiers. */
export interface AllPseudoLabels extends PseudoLabels {
  /** Of the balanced classifier, for itself; null where there is none. */
  readonly balanced: PseudoLabels | null;
}

export interface TermsOptions {
  readonly imbalance: Config["imbalance"];
  readonly classes: number;
  /** Tells its draws from those of dropout; the last twelve bits are free. */
  readonly stream: number;
  /** Seed and step of the draws. */
  readonly dropout: Dropout;
  /** The blank image of CDMAD, which becomes the terms'; null: none. */
  readonly blank: NetworkInputs | null;
}

/** A batch of the balanced classifier's logits and what is known of it. */
export interface BalancedBatch {
  /** [B,classes] on labelled patches; null: nothing is learnt from them. */
  readonly onL: Tensor | null;
  readonly labels: Tensor;
  /** [B,classes] on strong views of U and the pseudo-labels of their weak ones; null: labelled patches alone. */
  readonly onU: { readonly logits: Tensor; readonly pseudo: PseudoLabels } | null;
}

/** What a training step leaves to the strategies against imbalance. */
export interface StepTerms {
  /** Logits on labelled patches as they enter a loss. */
  labelled(tape: Tape, logits: Tensor): Tensor;
  /** Logits on patches of U as they enter a loss on pseudo-labels. */
  unlabelled(tape: Tape, logits: Tensor): Tensor;
  /** Pseudo-labels of a training pass of `network`; `tape` owns them. */
  pseudoLabels(tape: Tape, network: Network, outputs: Omit<NetworkOutputs, "features">, rule: Rule): AllPseudoLabels;
  /** Losses of the balanced classifier. @param draw numbers the calls of a step */
  balancedLosses(tape: Tape, batch: BalancedBatch, draw: number): Tensor[];
}

/** No strategy: everything stays as it is. */
export const noTerms: StepTerms = {
  labelled: (_tape, logits) => logits,
  unlabelled: (_tape, logits) => logits,
  pseudoLabels: (tape, _network, { logits }, rule) => ({ ...pseudoLabels(tape, logits, rule), balanced: null }),
  balancedLosses: () => [],
};

/** Values that the host sets between steps: f32 [classes] each. */
export type TermVector = "labelShift" | "labelledShift" | "unlabelledShift" | "keepLabelled" | "keepUnlabelled";

const vectorNames: readonly TermVector[] = [
  "labelShift",
  "labelledShift",
  "unlabelledShift",
  "keepLabelled",
  "keepUnlabelled",
];

/**
 * What the options `imbalance` add to a training step on the GPU. Host values lie in small tensors, so that a captured step can be replayed.
 */
export class ImbalanceTerms implements StepTerms {
  private readonly vectors: Readonly<Record<TermVector, Tensor>>;
  /** [1]: 1 where pseudo-labels are without the blank image's logits, else 0. */
  private readonly blankFactor: Tensor;
  private readonly balancedWeight: Tensor;

  constructor(
    private readonly device: Device,
    private readonly options: TermsOptions,
  ) {
    const { classes, imbalance } = options;
    const zeros = (name: TermVector) => [name, device.zeros([classes], name)] as const;
    this.vectors = Object.fromEntries(vectorNames.map(zeros)) as Record<TermVector, Tensor>;
    this.blankFactor = device.fromValues([1], [1], "factor of the blank image");
    this.balancedWeight = device.fromValues([imbalance.abcWeight], [1], "weight of the balanced classifier");
  }

  /** Before a step, or an epoch. */
  set(vectors: Partial<Readonly<Record<TermVector, readonly number[]>>>): void {
    for (const [name, values] of Object.entries(vectors)) this.device.write(this.vectors[name as TermVector], values);
  }

  /** Before a step. @param started whether pseudo-labels are without the blank image's logits from now on */
  setBlank(started: boolean): void {
    if (this.options.blank) this.device.write(this.blankFactor, [Number(started)]);
  }

  labelled(tape: Tape, logits: Tensor): Tensor {
    return this.adjusted(tape, logits, "labelledShift");
  }

  unlabelled(tape: Tape, logits: Tensor): Tensor {
    return this.adjusted(tape, logits, "unlabelledShift");
  }

  pseudoLabels(tape: Tape, network: Network, outputs: Omit<NetworkOutputs, "features">, rule: Rule): AllPseudoLabels {
    const { imbalance, blank } = this.options;
    const scratch = Tape.inference(this.device);
    // Evaluation mode: the blank image moves no statistics, and has none of its own.
    const bias = blank && network.forward(scratch, blank, { training: false });
    const without = (logits: Tensor, row: Tensor | undefined) =>
      row ? shiftRows(scratch, logits, row, { scale: -1, factor: this.blankFactor }) : logits;
    const plain = without(outputs.logits, bias?.logits);
    const shifted = imbalance.labels === "plain" ? plain : shiftRows(scratch, plain, this.vectors.labelShift);
    const labels = pseudoLabels(tape, shifted, rule);
    const balanced = outputs.balanced
      ? pseudoLabels(tape, without(outputs.balanced, bias?.balanced), { threshold: imbalance.abcThreshold })
      : null;
    scratch.dispose();
    return { ...labels, balanced };
  }

  /**
   * Losses of the balanced classifier (ABC, Eqs. 1 and 3): cross-entropy on L, and consistency of strong views with the soft labels of weak
   * ones, each sample kept by a Bernoulli draw of its class. Both move the features, too.
   * @param draw numbers the calls of a step
   */
  balancedLosses(tape: Tape, { onL, labels, onU }: BalancedBatch, draw: number): Tensor[] {
    const { state } = this.options.dropout;
    const weight = this.balancedWeight;
    const stream = this.options.stream + 2 * draw;
    const losses: Tensor[] = [];
    if (onL) {
      const mask = bernoulliMask(tape, labels, this.vectors.keepLabelled, { state, stream });
      losses.push(softmaxCrossEntropy(tape, onL, { labels }, { mask, weight }));
    }
    if (onU) {
      const { soft, label, mask: base } = onU.pseudo;
      const keep = this.vectors.keepUnlabelled;
      const mask = bernoulliMask(tape, label, keep, { state, stream: stream + 1, base });
      losses.push(softmaxCrossEntropy(tape, onU.logits, { soft }, { mask, weight }));
    }
    return losses;
  }

  release(): void {
    const { blank } = this.options;
    const own = [...Object.values(this.vectors), this.blankFactor, this.balancedWeight];
    for (const tensor of [...own, blank?.x, blank?.x2]) if (tensor) this.device.release(tensor);
  }

  private adjusted(tape: Tape, logits: Tensor, shift: TermVector): Tensor {
    return this.options.imbalance.lossStrength === 0 ? logits : shiftRows(tape, logits, this.vectors[shift]);
  }
}
