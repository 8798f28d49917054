/** One colony: outline, areas, cells, picture, mask and truth. */
import { Rng } from "../../engine/rng.js";
import { colonyMask } from "./mask.js";
import { type CellState, drawCells, drawOptics, drawState, lookOf } from "./morphology.js";
import { takePicture } from "./optics.js";
import { MULTI_LABEL, SYNTH_CLASSES, type SynthClass, type SynthParameters } from "./parameters.js";
import type { PlannedImage } from "./plan.js";
import { createOutline, divideOutline, type Outline, wholeArea } from "./shape.js";
import { type Area, areaPixels, createSpecimen } from "./specimen.js";

/** One class's part of a colony. */
export interface ColonyPart {
  readonly class: SynthClass;
  readonly state: CellState;
  /** Share of the colony's mask that lies in this part. */
  readonly fraction: number;
}

export interface SynthImage {
  readonly width: number;
  readonly height: number;
  /** 8-bit grey, row-major. */
  readonly pixels: Uint8Array;
  /** 0 or 255, row-major. */
  readonly mask: Uint8Array;
  readonly parts: ColonyPart[];
}

/** Classes of a composite colony: Diff (or Spread) and one to three of the others, with random shares. */
function drawParts(parameters: SynthParameters, rng: Rng): { classes: SynthClass[]; shares: number[] } {
  const partial: SynthClass = rng.uniform() < parameters.partiallyDifferentiated ? "Diff" : "Spread";
  const others = rng.shuffle(
    SYNTH_CLASSES.filter((name) => name !== partial && (partial === "Diff" || name !== "Diff")),
  );
  const classes = [partial, ...others.slice(0, 1 + rng.int(Math.min(others.length, 3)))];
  const weights = classes.map(() => 0.4 + rng.uniform());
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { classes, shares: weights.map((weight) => weight / total) };
}

/** Share of the mask's pixels (every other one in x and y) that lie in each area; what lies outside of all is left out. */
function areaFractions(areas: Area[], mask: Uint8Array, width: number): number[] {
  if (areas.length === 1) return [1];
  const counts = areas.map(() => 0);
  for (let y = 0; y * width < mask.length; y += 2) {
    for (let x = 0; x < width; x += 2) {
      if (mask[y * width + x] === 0) continue;
      const at = areas.findIndex((area) => area.depth(x, y) > 0);
      if (at >= 0) counts[at] = counts[at]! + 1;
    }
  }
  const total = Math.max(
    1,
    counts.reduce((sum, count) => sum + count, 0),
  );
  return counts.map((count) => count / total);
}

/** Mask of a colony in which not a single cell was drawn: the ground it would have covered. */
function fillFromAreas(mask: Uint8Array, areas: Area[], width: number): void {
  for (let i = 0; i < mask.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (areas.some((area) => area.depth(x, y) > 0)) mask[i] = 255;
  }
}

/** Divisions drawn until every area has a fair part of the colony. */
const DIVISION_ATTEMPTS = 12;
const SMALLEST_AREA = 0.08;

/** Divides a colony so that no area is below 8 % of it, or takes the most even of twelve divisions. */
function divideFairly(outline: Outline, width: number, height: number, shares: number[], rng: Rng): Area[] {
  let best: Area[] = [];
  let bestShare = -1;
  for (let attempt = 0; attempt < DIVISION_ATTEMPTS && bestShare < SMALLEST_AREA; attempt++) {
    const areas = divideOutline(outline, width, height, shares, rng);
    const pixels = areas.map(areaPixels);
    const share = Math.min(...pixels) / pixels.reduce((sum, count) => sum + count, 0);
    if (share > bestShare) [best, bestShare] = [areas, share];
  }
  return best;
}

/** How ragged a colony's outline is: pluripotent colonies are round and smooth. */
const roughness = (state: CellState): number => 0.08 + 0.25 * state.stage;

/** Draws the colony of a planned image. */
export function synthesiseImage(
  plan: PlannedImage,
  parameters: SynthParameters,
  scale: number,
  seed: number,
): SynthImage {
  const { width, height, folder } = plan;
  const rng = new Rng(seed, plan.stream);
  const composite = folder === MULTI_LABEL ? drawParts(parameters, rng) : { classes: [folder], shares: [1] };
  const states = composite.classes.map((name) => drawState(name, parameters, rng));
  const outline = createOutline(width, height, 3 + 4 * scale, Math.max(...states.map(roughness)), rng);
  const areas: Area[] =
    states.length === 1
      ? [wholeArea(outline, width, height)]
      : divideFairly(outline, width, height, composite.shares, rng);
  const specimen = createSpecimen(width, height);
  areas.forEach((area, i) => {
    drawCells(specimen, area, lookOf(states[i]!, scale, rng), rng);
  });
  const mask = colonyMask(specimen, 3 * scale, 400 * scale * scale);
  if (!mask.includes(255)) fillFromAreas(mask, areas, width);
  const fractions = areaFractions(areas, mask, width);
  return {
    width,
    height,
    pixels: takePicture(specimen, drawOptics(scale, rng), rng),
    mask,
    parts: composite.classes.map((name, i) => ({ class: name, state: states[i]!, fraction: fractions[i]! })),
  };
}
