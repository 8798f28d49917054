import type { Layer } from "./layers.js";
import type { PresetName } from "./schema.js";

/** A size of run. `patch` is the default side in px of the patch: one scale, or the big one of two. */
export interface Preset {
  patch: { single: number; multi: number };
  layer: Layer;
}

/**
 * What each `--preset` sets. `full` is the article's size; the shorter runs state the ramp of the consistency loss as a
 * share, for 5000 steps would never end.
 */
export const presets: Record<PresetName, Preset> = {
  tiny: {
    patch: { single: 64, multi: 128 },
    layer: {
      width: 0.125,
      batch: 16,
      contrastive: { epochs: 30 },
      pretrain: { epochs: 30 },
      train: { epochs: 10 },
      meta: { udaSteps: "50%" },
      finetune: { epochs: 3 },
    },
  },
  small: {
    patch: { single: 64, multi: 128 },
    layer: {
      width: 0.25,
      batch: 32,
      contrastive: { epochs: 60 },
      pretrain: { epochs: 60 },
      train: { epochs: 30 },
      meta: { udaSteps: "50%" },
      finetune: { epochs: 6 },
    },
  },
  full: {
    patch: { single: 128, multi: 224 },
    layer: {
      width: 1,
      batch: 32,
      contrastive: { epochs: 200 },
      pretrain: { epochs: 200 },
      train: { epochs: 200 },
      finetune: { epochs: 200 },
    },
  },
};
