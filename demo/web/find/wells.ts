import { effect, type Signal, signal } from "@preact/signals";
import { colonyMask, crop, cropName } from "../../../pipeline/detect/colony.js";
import { type DetectOptions, detectDefaults } from "../../../pipeline/detect/options.js";
import type { GreyScale } from "../../../pipeline/images/index.js";
import { outline, type Segments } from "../shared/outline.js";
import { colonies, images, type LoadedImage } from "../state.js";
import type { FoundColonies } from "../worker/findService.js";
import type { TrainImage } from "../worker/train/images.js";

/** What the section Find knows: the images, what was found in them, and how it is looked for. */

/** An image of a well. */
export interface Well extends LoadedImage {
  /** Where it was read from. */
  readonly file: File;
  readonly page: number;
  /** Names its outputs; no two are equal. */
  readonly stem: string;
  readonly well: string;
  /** Empty: not known. */
  readonly time: string;
  readonly scale: GreyScale;
  readonly warnings: readonly string[];
  /** null: not looked at yet. */
  readonly found: Found | null;
}

export interface Found extends FoundColonies {
  readonly options: DetectOptions;
  /** Outline of each colony, in px of the image. */
  readonly outlines: readonly Segments[];
}

/** Work that is going on. */
export interface Job {
  readonly label: string;
  /** 0 to 1; null: not known. */
  readonly done: number | null;
}

export const wells: Signal<readonly Well[]> = signal([]);
export const options: Signal<DetectOptions> = signal(detectDefaults);
/** How 16 bits become 8, as the command's `--bits16`. */
export const bits16: Signal<string> = signal("full");
export const shownWell: Signal<string | null> = signal(null);
/** Number of the colony that is pointed out in the well that is shown, from 1. */
export const shownColony: Signal<number | null> = signal(null);
export const job: Signal<Job | null> = signal(null);

effect(() => {
  images.value = wells.value;
  colonies.value = wells.value.flatMap(({ id, found }) =>
    (found?.colonies ?? []).map(({ minRow, minCol, maxRow, maxCol, area }, i) => ({
      ...{ imageId: id, number: i + 1, x: minCol, y: minRow, width: maxCol - minCol, height: maxRow - minRow, area },
    })),
  );
});

/** The well that is shown: the one chosen, else the first. */
export function currentWell(): Well | null {
  return wells.value.find(({ id }) => id === shownWell.value) ?? wells.value[0] ?? null;
}

export function replaceWell(id: string, change: Partial<Well>): void {
  wells.value = wells.value.map((well) => (well.id === id ? { ...well, ...change } : well));
}

export function removeWell(id: string): void {
  wells.value = wells.value.filter((well) => well.id !== id);
  shownColony.value = null;
}

/** Whether a well was read by another rule for 16 bits than the one that is set now. */
export function isOtherRule({ scale }: Well): boolean {
  return scale.rule !== null && !scale.rule.startsWith(bits16.value);
}

/** Whether a well is still to be looked at with the options that are set now. */
export function isStale(well: Well): boolean {
  const { found } = well;
  return !found || isOtherRule(well) || JSON.stringify(found.options) !== JSON.stringify(options.value);
}

/** Outline of each colony, in px of the image. @param w width of the image, px */
export function outlinesOf({ mask, colonies: found }: FoundColonies, w: number): Segments[] {
  return found.map((colony) => {
    const { minRow, minCol, maxRow, maxCol } = colony;
    return outline(colonyMask(mask, w, colony), maxCol - minCol, maxRow - minRow, minCol, minRow);
  });
}

/** Picture and mask (0 and 1) of one colony, as the command's crops. @param number from 1 */
export function cropOf({ found, grey, width: w, stem }: Well, number: number): TrainImage {
  const colony = found?.colonies[number - 1];
  if (!colony) throw new RangeError(`${stem}: there is no colony ${number}`);
  const [width, height] = [colony.maxCol - colony.minCol, colony.maxRow - colony.minRow];
  return {
    name: cropName(stem, number - 1),
    image: { width, height, pixels: crop(grey, w, colony) },
    mask: { width, height, pixels: colonyMask(found.mask, w, colony).map((value) => Number(value > 0)) },
  };
}

/** A stem that no well has. */
export function freeStem(stem: string): string {
  const taken = new Set(wells.value.map((well) => well.stem.toLowerCase()));
  let free = stem;
  for (let i = 2; taken.has(free.toLowerCase()); i++) free = `${stem}_${i}`;
  return free;
}
