/**
 * Class priors, and what they change. All probabilities of the classes, in their order; pure.
 *
 * A network that learns by cross-entropy from samples whose classes have the frequencies e becomes the posterior under e: its logits are
 * z(x, c) = log p(x | c) + log e(c) + a term of x alone. What counts is e of the samples that enter the loss, *as they are drawn*:
 * class c with n(c) images, each drawn with weight w(c), has e(c) = n(c) w(c) / sum n w. So
 *
 * - L drawn with weights 1/count is uniform, whatever the counts: e = 1/K. A permutation of L gives e = counts / |L|.
 * - U balanced by pseudo-labels has w(c) = 1 / max(n(c), floor): uniform over the predicted classes where the floor does not act.
 * - Where the loss leaves out labels below the threshold, n counts those above it.
 *
 * Logit adjustment in the loss (Menon et al., Eq. 10): CE(z + tau log e, y). With tau = 1 the network learns log p(x | c) alone: its logits are
 * those of a uniform prior, which is what balanced accuracy asks for. In general the prior left in z is e^(1 - tau).
 * Labels: with b the prior that the labeller has learnt from, z - (1 - tau) log b is free of it (`debiased`), and adding log r, the prior of the
 * patches that are labelled, makes it their posterior again (`posterior`; SimPro's E-step, Du et al., Eq. 7).
 */

/** No class counts as rarer than this share of an even one: a logarithm stays finite, and a class that was never drawn does not rule. */
const leastShare = 0.01;

/** Frequencies of counts, each class counted once more (Laplace). */
export function frequencies(counts: readonly number[]): number[] {
  return normalized(counts.map((n) => n + 1));
}

/** n(c) w(c) / sum: frequencies of the classes among what is drawn; even where nothing can be. */
export function drawnFrequencies(counts: readonly number[], weights: readonly number[]): number[] {
  return normalized(counts.map((n, c) => n * (weights[c] as number)));
}

/** Frequencies of the classes in batches of L. @param counts images of each class @param balanced each class equally often */
export function labelledPrior(counts: readonly number[], balanced: boolean): number[] {
  return balanced ? normalized(counts.map((n) => Number(n > 0))) : normalized(counts);
}

/** decay * old + (1 - decay) * fresh. */
export function movedTowards(old: readonly number[], fresh: readonly number[], decay: number): number[] {
  return old.map((p, c) => decay * p + (1 - decay) * (fresh[c] as number));
}

/** The prior of a sum of losses: of `a` with weight 1, and of `b` with `weight`. */
export function mixture(a: readonly number[], b: readonly number[], weight: number): number[] {
  return normalized(a.map((p, c) => p + weight * (b[c] as number)));
}

/** strength * log prior, as it is added to logits in a loss. */
export function lossShift(prior: readonly number[], strength: number): number[] {
  return logPrior(prior).map((value) => strength * value);
}

export interface LabelPriors {
  /** What the labeller has learnt from. */
  readonly labeller: readonly number[];
  /** Of the patches that are labelled. */
  readonly labelled: readonly number[];
}

/** What is added to the labeller's logits. @param left share of its prior that its losses have left in: 1 - lossStrength */
export function labelShift(
  rule: "plain" | "debiased" | "posterior",
  { labeller, labelled }: LabelPriors,
  { strength, left }: { strength: number; left: number },
): number[] {
  const [b, r] = [logPrior(labeller), logPrior(labelled)];
  if (rule === "plain") return b.map(() => 0);
  return b.map((value, c) => strength * ((rule === "posterior" ? (r[c] as number) : 0) - left * value));
}

/**
 * Probability with which a sample of each class stays in the loss of the balanced classifier (ABC, Eqs. 2 and 4): rarest / own frequency among
 * what is drawn. @param progress 0 to 1: on U it falls from 1 to that over the training
 */
export function keepProbabilities(prior: readonly number[], progress = 1): number[] {
  const p = floored(prior);
  const least = Math.min(...p);
  return p.map((own) => 1 - progress * (1 - least / own));
}

function logPrior(prior: readonly number[]): number[] {
  return floored(prior).map(Math.log);
}

function floored(prior: readonly number[]): number[] {
  return normalized(prior.map((p) => Math.max(p, leastShare / prior.length)));
}

function normalized(values: readonly number[]): number[] {
  const sum = values.reduce((a, b) => a + b, 0);
  return values.map((value) => (sum > 0 ? value / sum : 1 / values.length));
}
