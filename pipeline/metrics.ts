/**
 * Figures of merit of a classifier. Pure and browser-safe.
 *
 * Definitions (Witmer & Bhanu 2024, eqs. 3 and 4, with the usual names): recall = TPR = TP/(TP+FN), precision = TP/(TP+FP),
 * F1 = 2TP/(2TP+FP+FN). Balanced accuracy is the mean recall over the classes that occur in the truth. A quotient 0/0 is
 * `null` and left out of averages, as scikit-learn leaves out classes that occur in neither list.
 */
import { ShapeError, UserError } from "../engine/errors.js";

/** Per-class figures; `support` counts the samples whose truth is this class. */
export interface ClassMetrics {
  class: string;
  support: number;
  recall: number | null;
  precision: number | null;
  f1: number | null;
  /** One-vs-rest area under the ROC curve; null without a positive or without a negative sample. */
  auroc: number | null;
}

/** What is reported about one network on one set of samples. */
export interface Evaluation {
  n: number;
  /** Mean cross-entropy in nats. */
  loss: number | null;
  accuracy: number | null;
  balancedAccuracy: number | null;
  macroF1: number | null;
  /** Counts: rows = truth, columns = prediction. */
  confusion: number[][];
  perClass: ClassMetrics[];
  /** Mean of the per-class areas. */
  auroc: number | null;
}

/** Smallest probability that enters a logarithm (float64 epsilon, as in scikit-learn's `log_loss`). */
const SMALLEST = 2 ** -52;

/**
 * Evaluates predicted probabilities against the truth.
 * @param classes names, in the order of the probability columns
 * @param truth [n] class indices
 * @param probabilities [n][classes]; the prediction is the largest, the first of equal ones
 * @param lossPerSample [n] cross-entropy in nats, when the caller has it from the logits (exact even where a probability
 *   underflows); without it -ln(p of the truth) is used
 * @throws ShapeError when lengths disagree or a label is outside the classes, UserError when a probability is not a number
 */
export function evaluate(
  classes: readonly string[],
  truth: ArrayLike<number>,
  probabilities: ArrayLike<ArrayLike<number>>,
  lossPerSample?: ArrayLike<number>,
): Evaluation {
  checkInputs(classes, truth, probabilities, lossPerSample);
  const n = truth.length;
  const confusion = classes.map(() => classes.map(() => 0));
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const row = probabilities[i]!;
    confusion[truth[i]!]![argmax(row)]! += 1;
    loss += lossPerSample ? lossPerSample[i]! : -Math.log(Math.max(row[truth[i]!]!, SMALLEST));
  }
  const perClass = classes.map((name, c) => ({
    ...classFigures(name, confusion, c),
    auroc: auroc(column(probabilities, c), (i) => truth[i] === c),
  }));
  const correct = sum(confusion.map((row, c) => row[c]!));
  return {
    n,
    loss: quotient(loss, n),
    accuracy: quotient(correct, n),
    balancedAccuracy: mean(perClass.map((p) => p.recall)),
    macroF1: mean(perClass.map((p) => p.f1)),
    confusion,
    perClass,
    auroc: mean(perClass.map((p) => p.auroc)),
  };
}

/** Balanced accuracy of guessing: one in as many as there are classes. */
export function chance(classes: readonly string[]): number {
  return 1 / classes.length;
}

/** The most frequent label, the lowest index of equally frequent ones; null for an empty list. */
export function majorityClass(labels: ArrayLike<number>): number | null {
  const counts = new Map<number, number>();
  for (let i = 0; i < labels.length; i++) counts.set(labels[i]!, (counts.get(labels[i]!) ?? 0) + 1);
  const ranked = [...counts].sort(([a, countA], [b, countB]) => countB - countA || a - b);
  return ranked[0]?.[0] ?? null;
}

/**
 * Balanced accuracy on the test truth of always answering the most frequent training label: 1 / (classes in the truth), or
 * 0 when that label does not occur there. Null when either list is empty.
 */
export function majority(trainLabels: ArrayLike<number>, testTruth: ArrayLike<number>): number | null {
  const answer = majorityClass(trainLabels);
  const present = new Set(Array.from(testTruth));
  if (answer === null || present.size === 0) return null;
  return present.has(answer) ? 1 / present.size : 0;
}

/** Shannon entropy of a probability vector in bits (log base 2): 0 = certain, log2(classes) = undecided. */
export function entropyBits(probabilities: ArrayLike<number>): number {
  let bits = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    if (p > 0) bits -= p * Math.log2(p);
  }
  return bits;
}

/** Index of the largest value, the first of equal ones. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Balanced accuracy of a confusion matrix (rows = truth); null when no class has a sample. */
export function balancedAccuracyOf(confusion: readonly (readonly number[])[]): number | null {
  return mean(confusion.map((row, c) => quotient(row[c] ?? 0, sum(row))));
}

function classFigures(name: string, confusion: readonly number[][], c: number): Omit<ClassMetrics, "auroc"> {
  const support = sum(confusion[c]!);
  const predicted = sum(confusion.map((row) => row[c]!));
  const right = confusion[c]![c]!;
  return {
    class: name,
    support,
    recall: quotient(right, support),
    precision: quotient(right, predicted),
    f1: quotient(2 * right, support + predicted),
  };
}

/** Area under the ROC curve by ranks (Mann-Whitney U), tied scores sharing their mean rank. */
function auroc(scores: Float64Array, positive: (sample: number) => boolean): number | null {
  const order = Array.from(scores.keys()).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0;
  let rankSum = 0;
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++;
    for (let k = start; k < end; k++) {
      if (!positive(order[k]!)) continue;
      positives += 1;
      rankSum += (start + 1 + end) / 2;
    }
    start = end;
  }
  return quotient(rankSum - (positives * (positives + 1)) / 2, positives * (order.length - positives));
}

function checkInputs(
  classes: readonly string[],
  truth: ArrayLike<number>,
  probabilities: ArrayLike<ArrayLike<number>>,
  lossPerSample: ArrayLike<number> | undefined,
): void {
  if (truth.length !== probabilities.length)
    throw new ShapeError(`evaluate: ${truth.length} labels but ${probabilities.length} rows of probabilities`);
  if (lossPerSample && lossPerSample.length !== truth.length)
    throw new ShapeError(`evaluate: ${truth.length} labels but ${lossPerSample.length} losses`);
  for (let i = 0; i < truth.length; i++) {
    const row = probabilities[i]!;
    if (row.length !== classes.length)
      throw new ShapeError(`evaluate: sample ${i} has ${row.length} probabilities, ${classes.length} classes expected`);
    if (!Number.isInteger(truth[i]) || truth[i]! < 0 || truth[i]! >= classes.length)
      throw new ShapeError(`evaluate: label ${truth[i]} of sample ${i} is not an index into ${classes.length} classes`);
    for (let c = 0; c < row.length; c++)
      if (!Number.isFinite(row[c]))
        throw new UserError(
          `evaluate: the probability of class ${classes[c]} for sample ${i} is ${row[c]}. The network's weights are not ` +
            "finite: go back to an earlier checkpoint or train with a smaller learning rate.",
        );
  }
}

function column(rows: ArrayLike<ArrayLike<number>>, c: number): Float64Array {
  return Float64Array.from(rows, (row) => row[c]!);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, v) => total + v, 0);
}

function quotient(a: number, b: number): number | null {
  return b === 0 ? null : a / b;
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((v) => v !== null);
  return quotient(sum(known), known.length);
}
