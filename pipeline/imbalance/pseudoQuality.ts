/** How good pseudo-labels are, where the true classes are known (the benchmark split hides them). For reports only: nothing is learnt from it. */

/** Figures of a set of pseudo-labels; a quotient 0/0 is null and left out of means. */
export interface LabelFigures {
  /** Share of labels that are right. */
  readonly accuracy: number | null;
  /** Per class: of what was given this label, the share that belongs to it. */
  readonly precision: readonly (number | null)[];
  /** Per class: of what belongs to it, the share that was given this label. */
  readonly recall: readonly (number | null)[];
  readonly meanPrecision: number | null;
  readonly meanRecall: number | null;
}

export interface PseudoQuality extends LabelFigures {
  /** The class that has the fewest images in truth (the first of equal ones). */
  readonly minority: { readonly class: string; readonly precision: number | null; readonly recall: number | null };
  /** The same of the labels that reach the threshold alone; recall counts all images of the class. */
  readonly confident: LabelFigures & {
    readonly share: number;
    readonly minority: { readonly precision: number | null; readonly recall: number | null };
  };
}

/**
 * @param classes names
 * @param truth true class per patch, -1 where it is unknown: such patches are left out
 * @param pseudo the label per patch
 * @param sure 1 where the label reaches the threshold, else 0
 * @returns null where no true class is known
 */
export function pseudoQuality(
  classes: readonly string[],
  truth: ArrayLike<number>,
  pseudo: ArrayLike<number>,
  sure: ArrayLike<number>,
): PseudoQuality | null {
  const known = Array.from(truth, (label, i) => ({ label, i })).filter(({ label }) => label >= 0);
  if (known.length === 0) return null;
  const support = classes.map((_, c) => known.filter(({ label }) => label === c).length);
  const present = support.flatMap((n, c) => (n > 0 ? [c] : []));
  const rare = present.reduce((a, b) => ((support[b] as number) < (support[a] as number) ? b : a));
  const pairs = known.map(({ label, i }) => ({ label, given: pseudo[i] as number, sure: sure[i] === 1 }));
  const certain = pairs.filter((pair) => pair.sure);
  const [all, confident] = [figures(pairs, support), figures(certain, support)];
  const of = ({ precision, recall }: LabelFigures) => ({
    precision: precision[rare] as number | null,
    recall: recall[rare] as number | null,
  });
  return {
    ...all,
    minority: { class: classes[rare] as string, ...of(all) },
    confident: { share: certain.length / pairs.length, ...confident, minority: of(confident) },
  };
}

interface Pair {
  readonly label: number;
  readonly given: number;
}

function figures(pairs: readonly Pair[], support: readonly number[]): LabelFigures {
  const given = support.map((_, c) => pairs.filter((pair) => pair.given === c).length);
  const right = support.map((_, c) => pairs.filter((pair) => pair.given === c && pair.label === c).length);
  const precision = right.map((n, c) => quotient(n, given[c] as number));
  const recall = right.map((n, c) => quotient(n, support[c] as number));
  const correct = right.reduce((a, b) => a + b, 0);
  return {
    accuracy: quotient(correct, pairs.length),
    precision,
    recall,
    meanPrecision: mean(precision),
    meanRecall: mean(recall),
  };
}

function quotient(a: number, b: number): number | null {
  return b === 0 ? null : a / b;
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
}
