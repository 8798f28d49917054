import type { Architecture } from "../../../models/index.js";
import type { Config } from "../../../pipeline/config/schema.js";
import type { MetaRates, MetaScalar } from "../../../pipeline/metaStep.js";
import {
  argmax,
  batchNorm,
  conv2d,
  globalAveragePool,
  linear,
  maxPool,
  type Nd,
  nd,
  relu,
  rows,
  sgdStep,
  softmax,
  softmaxCrossEntropy,
  type Twin,
} from "../../reference/index.js";

/**
 * One update by meta pseudo labels in doubles on the CPU, written from the method's description and with none of the engine:
 * what the step on the GPU is compared with, option by option. The network is that of the authors' reference steps.
 */

/** conv - bn - relu - pool - conv - bn - relu - mean - linear, on the GPU. */
export const tinyNet: Architecture = {
  name: "tiny",
  referenceDefaults: "small-normal",
  declare(d, classes) {
    d.conv("conv1", 3, 1, 4, { bias: false });
    d.batchNorm("bn1", 4);
    d.conv("conv2", 3, 4, 8, { bias: false });
    d.batchNorm("bn2", 8);
    d.linear("fc", 8, classes);
  },
  forward(layers, { x }) {
    const pooled = layers.maxPool(layers.batchNorm("bn1", layers.conv("conv1", x), { relu: true }));
    const second = layers.batchNorm("bn2", layers.conv("conv2", pooled), { relu: true });
    const features = layers.keep(layers.globalAveragePool(second));
    return { logits: layers.keep(layers.linear("fc", features)), features };
  },
};

export type Weights = Map<string, Nd>;

interface Layer {
  twin: Twin<never>;
  names: string[];
  params: object;
  bn?: string;
}

const layer = (twin: unknown, names: string[] = [], params: object = {}): Layer => ({
  twin: twin as Twin<never>,
  names,
  params,
});
const conv = (name: string) => layer(conv2d, [`${name}.weight`], { stride: 1, padding: 1 });
const bn = (name: string) => ({ ...layer(batchNorm, [`${name}.weight`, `${name}.bias`]), bn: name });
const layers: Layer[] = [
  conv("conv1"),
  bn("bn1"),
  layer(relu),
  layer(maxPool, [], { size: 2, stride: 2 }),
  conv("conv2"),
  bn("bn2"),
  layer(relu),
  layer(globalAveragePool),
  layer(linear, ["fc.weight", "fc.bias"]),
];

/** A forward pass in training mode, which moves the running statistics in `weights`, and its backward pass. */
function forward(weights: Weights, x: Nd): { logits: Nd; gradients: (dLogits: Nd) => Weights } {
  const calls: { inputs: Nd[]; params: never }[] = [];
  let y = x;
  for (const { twin, names, params, bn } of layers) {
    const inputs = [y, ...names.map((name) => weights.get(name)!)];
    const [mean, variance] = [`${bn}.running_mean`, `${bn}.running_var`];
    const running = { train: true, runningMean: weights.get(mean)!, runningVar: weights.get(variance)! };
    const all = (bn ? running : params) as never;
    calls.push({ inputs, params: all });
    y = twin.forward(inputs, all);
    if (bn) {
      const after = batchNorm.running(inputs, running);
      weights.set(mean, after.runningMean).set(variance, after.runningVar);
    }
  }
  const gradients = (dLogits: Nd) => {
    const found: Weights = new Map();
    let dy = nd(y.shape, dLogits.data);
    layers.toReversed().forEach(({ twin, names }, i) => {
      const { inputs, params } = calls.at(-1 - i)!;
      const [dx, ...rest] = twin.backward(inputs, params, dy);
      names.forEach((name, k) => {
        found.set(name, rest[k]!);
      });
      dy = dx!;
    });
    return found;
  };
  return { logits: nd([y.shape[0]!, y.shape.at(-1)!], y.data), gradients };
}

export interface ReferenceLearner {
  weights: Weights;
  velocity: Weights;
}

export interface ReferenceState {
  teacher: ReferenceLearner;
  student: ReferenceLearner;
  /** Moving average of the feedback; null before the first step. */
  baseline: number | null;
}

export interface ReferenceBatch {
  /** [B,16,16,1] each. */
  l: Nd;
  uw: Nd;
  us: Nd;
  labels: number[];
}

function update(learner: ReferenceLearner, gradients: Weights, lr: number, weightDecay: number): void {
  for (const [name, gradient] of gradients) {
    const before = learner.velocity.get(name) ?? null;
    const options = { lr, momentum: 0.9, weightDecay: name.includes("bn") ? 0 : weightDecay };
    const { weight, buffer } = sgdStep(learner.weights.get(name)!, gradient, before, options);
    learner.weights.set(name, weight);
    learner.velocity.set(name, buffer);
  }
}

/** Samples one after another. */
function stack(...parts: Nd[]): Nd {
  const samples = parts.reduce((n, part) => n + part.shape[0]!, 0);
  return nd(
    [samples, ...parts[0]!.shape.slice(1)],
    parts.flatMap((part) => [...part.data]),
  );
}

/** The i-th of equal parts of a batch. */
function part(x: Nd, i: number, parts: number): Nd {
  const samples = x.shape[0]! / parts;
  const length = x.data.length / parts;
  return nd([samples, ...x.shape.slice(1)], x.data.subarray(i * length, (i + 1) * length));
}

type Params = Parameters<typeof softmaxCrossEntropy.forward>[1];
const ce = (logits: Nd, params: Params) => softmaxCrossEntropy.forward([logits], params).data[0]!;
const dCe = (logits: Nd, params: Params) => softmaxCrossEntropy.backward([logits], params, nd([1], [1]))[0]!;
const plus = (a: Nd, b: Nd) =>
  nd(
    a.shape,
    a.data.map((value, k) => value + b.data[k]!),
  );
const zeros = (a: Nd) => nd(a.shape);

/** Updates `state` in place. @returns what the step reports, under the engine's names */
export function referenceStep(
  state: ReferenceState,
  { l, uw, us, labels }: ReferenceBatch,
  rates: MetaRates,
  options: Config["meta"],
  weightDecay: number,
): Record<MetaScalar, number> {
  const { teacher, student } = state;
  const pass = forward(teacher.weights, stack(l, uw, us));
  const [tl, tuw, tus] = [0, 1, 2].map((i) => part(pass.logits, i, 3)) as [Nd, Nd, Nd];
  const targets = softmax.forward([tuw], { temperature: options.temperature });
  const hard = argmax(tuw);
  const { columns } = rows(targets);
  const mask = hard.map((label, n) => Number(targets.data[n * columns + label]! >= options.threshold));

  const oldAlone = options.feedbackBn === "same" ? ce(forward(student.weights, l).logits, { labels }) : null;
  if (options.extraStudentForward) forward(student.weights, stack(uw, us));
  const studentPass = forward(student.weights, stack(l, us));
  const [sl, sus] = [part(studentPass.logits, 0, 2), part(studentPass.logits, 1, 2)];
  const pseudo = { labels: hard, ...(options.studentMask && { mask }) };
  const dl = options.studentSupervised ? dCe(sl, { labels }) : zeros(sl);
  update(student, studentPass.gradients(stack(dl, dCe(sus, pseudo))), rates.studentLr, weightDecay);
  const old = oldAlone ?? ce(sl, { labels });
  const fresh = ce(forward(student.weights, l).logits, { labels });

  const feedback = options.feedbackSign === "new-old" ? fresh - old : old - fresh;
  let centred = feedback;
  if (options.feedbackBaseline !== null) {
    const average = state.baseline ?? feedback;
    centred = feedback - average;
    state.baseline = options.feedbackBaseline * average + (1 - options.feedbackBaseline) * feedback;
  }
  const uda = { targets, mask, weight: rates.udaWeight };
  const mpl = { labels: argmax(tus), weight: centred * options.mplWeight };
  const dus = plus(dCe(tus, uda), dCe(tus, mpl));
  update(teacher, pass.gradients(stack(dCe(tl, { labels }), zeros(tuw), dus)), rates.teacherLr, weightDecay);
  return {
    studentLoss: ce(sus, pseudo),
    teacherLossLabelled: ce(tl, { labels }),
    teacherLossUda: ce(tus, uda),
    teacherLossMpl: ce(tus, mpl),
    feedback,
    maskMean: mask.reduce((a, b) => a + b) / mask.length,
    studentLossLabelledOld: old,
    studentLossLabelledNew: fresh,
  };
}
