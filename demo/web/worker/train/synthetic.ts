import { synthesiseImage } from "../../../../pipeline/synth/compose.js";
import { SYNTH_CLASSES, type SynthClass, synthParameters } from "../../../../pipeline/synth/parameters.js";
import { planSet } from "../../../../pipeline/synth/plan.js";
import type { LabelledSet, TrainImage } from "./images.js";

/**
 * The example: the first images of each class of `equipoise synth --preset tiny --seed 7`, drawn in the page by the same code, so
 * that nothing has to be loaded. The numbers are imbalanced as the article's are.
 */
export const syntheticCounts: Readonly<Record<SynthClass, number>> = { Debris: 46, Dense: 50, Diff: 16, Spread: 128 };

const seed = 7;

/** @param onProgress images drawn, of how many */
export async function syntheticSet(
  onProgress: (done: number, total: number) => void,
  counts: Readonly<Record<SynthClass, number>> = syntheticCounts,
): Promise<LabelledSet> {
  const { scale } = synthParameters.presets.tiny;
  const all = planSet(synthParameters, "tiny", seed);
  const plan = SYNTH_CLASSES.flatMap((name) => all.filter(({ folder }) => folder === name).slice(0, counts[name]));
  const images: TrainImage[] = [];
  for (const planned of plan) {
    const { width, height, pixels, mask } = synthesiseImage(planned, synthParameters, scale, seed);
    images.push({
      name: planned.name,
      image: { width, height, pixels },
      mask: { width, height, pixels: mask.map((value) => (value > 0 ? 1 : 0)) },
    });
    onProgress(images.length, plan.length);
    // Lets messages of the page in.
    if (images.length % 8 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  return { images, labels: plan.map(({ folder }) => folder) };
}
