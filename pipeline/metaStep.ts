import * as kernels from "../engine/generated/kernels.js";
import {
  concatBatch,
  type Device,
  type Optimizer,
  pseudoLabels,
  sliceBatch,
  softmaxCrossEntropy,
  Tape,
  type TapeOptions,
  type Tensor,
} from "../engine/index.js";
import type { Network, NetworkInputs, PassOptions } from "../models/network.js";
import type { Config } from "./config/schema.js";
import { type AllPseudoLabels, noTerms, type StepTerms } from "./imbalance/terms.js";
import { type Dropout, StepScalars } from "./stepState.js";

/** A network and what moves it. */
export interface Learner {
  readonly network: Network;
  readonly optimizer: Optimizer;
}

/** One batch of the meta step: B labelled patches and B unlabelled ones in two views, as one batch of 3B. */
export interface MetaBatch {
  /** cat(l, uw, us): [3B,S,S,1], and the central crops for multi-scale networks. */
  readonly inputs: NetworkInputs;
  /** u32 [B]: classes of the labelled patches. */
  readonly labels: Tensor;
}

/** Values of one step that the host knows. */
export interface MetaRates {
  readonly teacherLr: number;
  readonly studentLr: number;
  /** Weight of the consistency loss: see `udaWeight`. */
  readonly udaWeight: number;
}

/** What one step reports, in the order of `MetaStep.scalars`. Losses are weighted as they enter the teacher's sum. */
export const metaScalars = [
  "studentLoss",
  "teacherLossLabelled",
  "teacherLossUda",
  "teacherLossMpl",
  "feedback",
  "maskMean",
  "studentLossLabelledOld",
  "studentLossLabelledNew",
] as const;
export type MetaScalar = (typeof metaScalars)[number];

/** Forward passes of one step, so that each draws its own dropout mask. */
const pass = { teacher: 0, student: 1, studentNew: 2, studentExtra: 3, studentOld: 4 } as const;

/** lambdaU * min(1, (step + rampOffset) / udaSteps), step = 0, 1, ... (METHOD: the authors' code begins at 2). */
export function udaWeight(step: number, options: { lambdaU: number; udaSteps: number; rampOffset: number }): number {
  const { lambdaU, udaSteps, rampOffset } = options;
  return udaSteps > 0 ? lambdaU * Math.min(1, (step + rampOffset) / udaSteps) : lambdaU;
}

/**
 * One update of student and teacher by meta pseudo labels (Pham et al. 2021; Witmer & Bhanu 2024, Eqs. 1 and 2).
 * Everything stays on the GPU: soft and hard labels, masks, the feedback, and the reported scalars.
 */
export class MetaStep {
  /** What the last step reports: f32, one per `metaScalars`. */
  readonly scalars: StepScalars<MetaScalar>;
  /** [moving average of the feedback, 1 once begun]: part of a checkpoint. */
  readonly baseline: Tensor;
  private readonly udaWeight: Tensor;

  constructor(
    private readonly device: Device,
    private readonly teacher: Learner,
    private readonly student: Learner,
    private readonly options: Config["meta"],
    private readonly dropout: Dropout,
    private readonly memory: TapeOptions = {},
    private readonly terms: StepTerms = noTerms,
  ) {
    this.scalars = new StepScalars(device, metaScalars);
    this.baseline = device.zeros([2], "feedback baseline");
    this.udaWeight = device.zeros([1], "uda weight");
  }

  /** The host's part of a step: what must be written before its GPU work. */
  prepare(rates: MetaRates): void {
    this.device.write(this.udaWeight, [rates.udaWeight]);
    this.teacher.optimizer.setRate(rates.teacherLr);
    this.student.optimizer.setRate(rates.studentLr);
  }

  /** Both parts of a step. @param batch stays the caller's. */
  run(batch: MetaBatch, rates: MetaRates): void {
    this.prepare(rates);
    this.compute(batch);
  }

  /** The GPU's part of a step: it can be captured. @param batch stays the caller's. */
  compute(batch: MetaBatch): void {
    const { device, teacher, options, memory, terms } = this;
    const b = batch.labels.size;

    const teacherTape = new Tape(device, true, memory);
    const { logits, balanced } = teacher.network.forward(teacherTape, batch.inputs, this.train(pass.teacher));
    const [onL, onUw, onUs] = partsOf(teacherTape, logits, b);
    const [ownL, ownUw, ownUs] = balanced ? partsOf(teacherTape, balanced, b) : [];
    const weak = { logits: onUw, ...(ownUw && { balanced: ownUw }) };
    const pseudo = terms.pseudoLabels(teacherTape, teacher.network, weak, options);

    const l = rows(teacherTape, batch.inputs, [[0, b]]);
    const lossOld = options.feedbackBn === "same" ? this.lossWithoutGradient(l, batch.labels, pass.studentOld) : null;
    if (options.extraStudentForward) this.extraForward(rows(teacherTape, batch.inputs, [[b, 3 * b]]));
    const studentOld = this.studentStep(
      rows(teacherTape, batch.inputs, [
        [0, b],
        [2 * b, 3 * b],
      ]),
      batch.labels,
      pseudo,
    );
    const old = lossOld ?? studentOld;
    if (lossOld) device.release(studentOld);
    const fresh = this.lossWithoutGradient(l, batch.labels, pass.studentNew);
    const weight = this.feedback(teacherTape, old, fresh);

    const labelled = softmaxCrossEntropy(teacherTape, terms.labelled(teacherTape, onL), { labels: batch.labels });
    const uda = softmaxCrossEntropy(
      teacherTape,
      onUs,
      { soft: pseudo.soft },
      { mask: pseudo.mask, weight: this.udaWeight },
    );
    const mpl = softmaxCrossEntropy(teacherTape, onUs, { labels: pseudoLabels(teacherTape, onUs).label }, { weight });
    const strong = ownUs && pseudo.balanced ? { logits: ownUs, pseudo: pseudo.balanced } : null;
    const own = ownL ? terms.balancedLosses(teacherTape, { onL: ownL, labels: batch.labels, onU: strong }, 0) : [];
    teacherTape.backward([labelled, uda, mpl, ...own]);
    teacher.optimizer.apply();

    const maskMean = meanOf(teacherTape, pseudo.mask);
    this.scalars.store({ teacherLossLabelled: labelled, teacherLossUda: uda, teacherLossMpl: mpl, maskMean });
    this.scalars.store({ studentLossLabelledOld: old, studentLossLabelledNew: fresh });
    device.release(old);
    device.release(fresh);
    teacherTape.dispose();
  }

  release(): void {
    this.scalars.release();
    this.device.release(this.baseline);
    this.device.release(this.udaWeight);
  }

  private train(number: number): PassOptions {
    return { training: true, dropout: { ...this.dropout, pass: number } };
  }

  /** Forward on cat(l, us), loss on the pseudo-labels, backward, update. Returns CE(s_l, y) before it; the caller's. */
  private studentStep(inputs: NetworkInputs, labels: Tensor, pseudo: AllPseudoLabels): Tensor {
    const { terms, options } = this;
    const { network, optimizer } = this.student;
    const b = labels.size;
    const tape = new Tape(this.device, true, this.memory);
    const { logits, balanced } = network.forward(tape, inputs, this.train(pass.student));
    const [onL, onU] = [sliceBatch(tape, logits, 0, b), sliceBatch(tape, logits, b, 2 * b)];
    const old = tape.keep(softmaxCrossEntropy(tape, terms.labelled(tape, onL), { labels }));
    const mask = options.studentMask ? { mask: pseudo.mask } : {};
    const loss = softmaxCrossEntropy(tape, terms.unlabelled(tape, onU), { labels: pseudo.label }, mask);
    const own = balanced ? this.studentBalancedLosses(tape, balanced, labels, pseudo) : [];
    tape.backward([loss, ...(options.studentSupervised ? [old] : []), ...own]);
    optimizer.apply();
    this.scalars.store({ studentLoss: loss });
    const kept = this.device.empty([1], "student loss on L");
    this.device.copy(old, kept);
    tape.dispose();
    return kept;
  }

  /** The student's balanced classifier learns from the teacher's, and from L where the other one does. */
  private studentBalancedLosses(tape: Tape, balanced: Tensor, labels: Tensor, pseudo: AllPseudoLabels): Tensor[] {
    const b = labels.size;
    const onL = this.options.studentSupervised ? sliceBatch(tape, balanced, 0, b) : null;
    const onU = pseudo.balanced && { logits: sliceBatch(tape, balanced, b, 2 * b), pseudo: pseudo.balanced };
    return this.terms.balancedLosses(tape, { onL, labels, onU }, 1);
  }

  /** CE(student(l), y) with batch statistics of l alone; the caller's. */
  private lossWithoutGradient(l: NetworkInputs, labels: Tensor, number: number): Tensor {
    const tape = Tape.inference(this.device);
    const { logits } = this.student.network.forward(tape, l, this.train(number));
    const loss = softmaxCrossEntropy(tape, this.terms.labelled(tape, logits), { labels });
    const kept = this.device.empty([1], "student loss on L");
    this.device.copy(loss, kept);
    tape.dispose();
    return kept;
  }

  /** The authors' code computes an unused contrastive term: its forward pass moves the batch-norm statistics. */
  private extraForward(inputs: NetworkInputs): void {
    const tape = Tape.inference(this.device);
    this.student.network.forward(tape, inputs, this.train(pass.studentExtra));
    tape.dispose();
  }

  /** The teacher's weight for its own labels: how much the student's loss on L changed. */
  private feedback(tape: Tape, old: Tensor, fresh: Tensor): Tensor {
    const feedback = tape.tensor([1], "feedback");
    const weight = tape.tensor([1], "feedback weight");
    const { feedbackSign, mplWeight, feedbackBaseline } = this.options;
    const params = { sign: feedbackSign === "new-old" ? 1 : -1, scale: mplWeight, decay: feedbackBaseline ?? -1 };
    this.device.run(
      kernels.feedback,
      { s_old: old, s_new: fresh, baseline: this.baseline, feedback, weight },
      params,
      [1, 1, 1],
    );
    this.scalars.store({ feedback });
    return weight;
  }
}

/** Ranges of samples of a batch as a batch of their own, at every scale. */
function rows(tape: Tape, inputs: NetworkInputs, ranges: readonly (readonly [number, number])[]): NetworkInputs {
  const pick = (x: Tensor) => {
    const parts = ranges.map(([begin, end]) => sliceBatch(tape, x, begin, end));
    return parts.length === 1 ? (parts[0] as Tensor) : concatBatch(tape, parts);
  };
  return { x: pick(inputs.x), x2: inputs.x2 ? pick(inputs.x2) : null };
}

/** The parts of logits of cat(l, uw, us), b rows each. */
export function partsOf(tape: Tape, logits: Tensor, b: number): [l: Tensor, uw: Tensor, us: Tensor] {
  const part = (i: number) => sliceBatch(tape, logits, i * b, (i + 1) * b);
  return [part(0), part(1), part(2)];
}

/** Mean of a per-sample vector, without gradient. */
export function meanOf(tape: Tape, values: Tensor): Tensor {
  const out = tape.tensor([1], "mean");
  const n = values.size;
  tape.device.run(kernels.sumSamples, { values, weight: tape.one(), out }, { n, scale: 1 / n }, [1, 1, 1]);
  return out;
}
