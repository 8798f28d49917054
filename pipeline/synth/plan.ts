/** What a set consists of: one entry per image with its folder, name, size and random stream. */
import { Rng } from "../../engine/rng.js";
import {
  MULTI_LABEL,
  SYNTH_CLASSES,
  type SynthFolder,
  type SynthParameters,
  type SynthPreset,
  type SynthPresetName,
} from "./parameters.js";

export interface PlannedImage {
  readonly folder: SynthFolder;
  /** File name without folder, e.g. `Dense_0001.png`. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Stream of this image's random numbers. */
  readonly stream: number;
}

const FOLDERS: readonly SynthFolder[] = [...SYNTH_CLASSES, MULTI_LABEL];

/** Number of images per folder: Table 1 times the preset's share, at least 1. */
export function presetCounts(parameters: SynthParameters, preset: SynthPresetName): Record<SynthFolder, number> {
  const { share } = parameters.presets[preset];
  const count = (folder: SynthFolder) => Math.max(1, Math.round(parameters.counts[folder] * share));
  return {
    Debris: count("Debris"),
    Dense: count("Dense"),
    Diff: count("Diff"),
    Spread: count("Spread"),
    MultiLabel: count("MultiLabel"),
  };
}

const clamp = (value: number, [low, high]: readonly [number, number]) =>
  Math.round(Math.min(Math.max(value, low), high));

/** Log-normal size and aspect ratio, clamped to the preset's limits. */
function drawSize(preset: SynthPreset, relativeSize: number, rng: Rng): { width: number; height: number } {
  const side = preset.medianSide * relativeSize * Math.exp(preset.sideSpread * rng.normal());
  const aspect = Math.exp(0.2 * Math.abs(rng.normal()));
  const shortSide = clamp(side / aspect, preset.shortSide);
  const longSide = Math.max(shortSide, clamp(side * aspect, preset.longSide));
  return rng.uniform() < 0.5 ? { width: shortSide, height: longSide } : { width: longSide, height: shortSide };
}

/** The paper gives the smallest and the largest image of its set; presets with `extremes` have both. */
function extremeSize(
  preset: SynthPreset,
  folder: SynthFolder,
  index: number,
): { width: number; height: number } | null {
  if (!preset.extremes || index > 0) return null;
  if (folder === "Debris") return { height: preset.shortSide[0], width: preset.longSide[0] };
  if (folder === MULTI_LABEL) return { height: preset.shortSide[1], width: preset.longSide[1] };
  return null;
}

/**
 * The images of a set in the order they are written. Image i of a folder has the same stream and, in presets of the same
 * sizes, the same size whatever the number of images.
 */
export function planSet(parameters: SynthParameters, preset: SynthPresetName, seed: number): PlannedImage[] {
  const counts = presetCounts(parameters, preset);
  const sizes = parameters.presets[preset];
  return FOLDERS.flatMap((folder, folderIndex) => {
    const rng = new Rng(seed, `synth sizes ${folder}`);
    const digits = Math.max(4, String(counts[folder]).length);
    return Array.from({ length: counts[folder] }, (_, i) => {
      const size = drawSize(sizes, parameters.relativeSize[folder], rng);
      return {
        folder,
        name: `${folder}_${String(i + 1).padStart(digits, "0")}.png`,
        ...(extremeSize(sizes, folder, i) ?? size),
        stream: folderIndex * 2 ** 24 + i,
      };
    });
  });
}
