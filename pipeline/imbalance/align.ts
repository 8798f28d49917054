/**
 * Alignment of a classifier with known class proportions. A classifier that has seen few images of a class remembers them, and on new
 * images gives that class too little; how often it should be given is known where the labelled images are a random sample.
 */

/** Rounds of the fixed point; a few dozen are enough. */
const MOST_ROUNDS = 1000;
/** Largest change of an offset in a round at which the search ends. */
const TOLERANCE = 1e-9;

/**
 * Offsets of the logits under which the mean prediction over some images equals the proportions of the classes there:
 * mean over images of softmax(log p + offset + log proportion) = proportion, as in the distribution alignment of ReMixMatch (Berthelot et
 * al., ICLR 2020), but solved exactly instead of by one division, and without favouring frequent classes: log proportion is in the
 * equation only. Where p already is calibrated for equally frequent classes, all offsets are 0.
 *
 * @param probabilities softmax outputs of images, [images][classes]
 * @param proportions share of each class among these images, above 0, sum 1
 * @returns one offset per class, of mean 0
 * @throws RangeError without images, and for a proportion that is not above 0
 */
export function alignmentOffsets(
  probabilities: readonly ArrayLike<number>[],
  proportions: readonly number[],
): number[] {
  const bad = proportions.findIndex((share) => !(share > 0));
  if (bad >= 0)
    throw new RangeError(`alignmentOffsets: class ${bad} has the proportion ${proportions[bad]}; it must be above 0`);
  if (probabilities.length === 0) throw new RangeError("alignmentOffsets: there are no images");
  const offsets = proportions.map(() => 0);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const mean = meanPrediction(probabilities, proportions, offsets);
    const steps = mean.map((value, c) => Math.log((proportions[c] as number) / value));
    steps.forEach((step, c) => {
      offsets[c] = (offsets[c] as number) + step;
    });
    if (Math.max(...steps.map(Math.abs)) < TOLERANCE) break;
  }
  const centre = offsets.reduce((sum, offset) => sum + offset, 0) / offsets.length;
  return offsets.map((offset) => offset - centre);
}

/** Mean over images of softmax(log p + offset + log proportion). */
function meanPrediction(
  probabilities: readonly ArrayLike<number>[],
  proportions: readonly number[],
  offsets: readonly number[],
): number[] {
  const factors = proportions.map((share, c) => share * Math.exp(offsets[c] as number));
  const mean = proportions.map(() => 0);
  for (const row of probabilities) {
    // A probability of 0 has no logarithm: it counts as the least float32 softmax that is not 0.
    const scores = factors.map((factor, c) => factor * Math.max(row[c] as number, 1e-38));
    const sum = scores.reduce((a, b) => a + b, 0);
    scores.forEach((score, c) => {
      mean[c] = (mean[c] as number) + score / sum / probabilities.length;
    });
  }
  return mean;
}
