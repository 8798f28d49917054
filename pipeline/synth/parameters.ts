/**
 * The frozen parameters: class counts, sizes, and how far the classes reach into each other. How a stage looks and how the
 * microscope varies is in `morphology.ts`; a change there, too, is a new `version`.
 */

/** Class folders in alphabetical order, which is their label order, and the folder of unlabelled composite colonies. */
export const SYNTH_CLASSES = ["Debris", "Dense", "Diff", "Spread"] as const;
export const MULTI_LABEL = "MultiLabel";
export type SynthClass = (typeof SYNTH_CLASSES)[number];
export type SynthFolder = SynthClass | typeof MULTI_LABEL;

export type SynthPresetName = "tiny" | "small" | "table1";

/** Sizes and numbers of one preset. Lengths in pixels. */
export interface SynthPreset {
  /** Share of Table 1's image numbers. */
  readonly share: number;
  /** Limits of the short side and of the long side. */
  readonly shortSide: readonly [number, number];
  readonly longSide: readonly [number, number];
  /** Median of the square root of width x height; per class in `SynthParameters.relativeSize`. */
  readonly medianSide: number;
  /** Standard deviation of its logarithm. */
  readonly sideSpread: number;
  /** Whether the first Debris image has the smallest legal size and the first composite one the largest, as in the paper. */
  readonly extremes: boolean;
  /** Lengths of cells and optics relative to 0.8 um per pixel. */
  readonly scale: number;
}

/** Mean and standard deviation. */
export type Gaussian = readonly [number, number];

export interface SynthParameters {
  /** Changes whenever the pictures of a seed change. */
  readonly version: number;
  /** Table 1 of the paper. */
  readonly counts: Readonly<Record<SynthFolder, number>>;
  /** Share of the multi-label colonies that are partially differentiated (1436 of 2659); the rest is partially spread. */
  readonly partiallyDifferentiated: number;
  readonly presets: Readonly<Record<SynthPresetName, SynthPreset>>;
  readonly relativeSize: Readonly<Record<SynthFolder, number>>;
  /** Developmental stage: 0 = pluripotent, 1 = neuron. Where two classes overlap, not even the truth tells them apart. */
  readonly stage: Readonly<Record<SynthClass, Gaussian>>;
  /** Dead cells: natural logarithm of the share of the colony they would cover side by side. */
  readonly dead: Readonly<Record<SynthClass, Gaussian>>;
}

export const synthParameters: SynthParameters = {
  version: 1,
  counts: { Debris: 3587, Dense: 3934, Diff: 656, Spread: 10506, MultiLabel: 2659 },
  partiallyDifferentiated: 1436 / 2659,
  presets: {
    tiny: {
      share: 1 / 40,
      shortSide: [55, 180],
      longSide: [64, 220],
      medianSide: 105,
      sideSpread: 0.28,
      extremes: false,
      scale: 0.6,
    },
    small: {
      share: 1 / 10,
      shortSide: [55, 771],
      longSide: [85, 1298],
      medianSide: 160,
      sideSpread: 0.4,
      extremes: true,
      scale: 1,
    },
    table1: {
      share: 1,
      shortSide: [55, 771],
      longSide: [85, 1298],
      medianSide: 160,
      sideSpread: 0.4,
      extremes: true,
      scale: 1,
    },
  },
  relativeSize: { Debris: 0.85, Dense: 0.95, Diff: 1.15, Spread: 1.05, MultiLabel: 1.6 },
  stage: { Debris: [0.4, 0.2], Dense: [0.14, 0.09], Diff: [0.91, 0.07], Spread: [0.45, 0.1] },
  dead: { Debris: [0.1, 0.35], Dense: [-4.8, 1.3], Diff: [-4.8, 1.3], Spread: [-4.6, 1.4] },
};
