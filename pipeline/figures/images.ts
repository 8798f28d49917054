/** The images of a run's data folder, for the figures that show some. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../../engine/errors.js";
import { Rng } from "../../engine/rng.js";
import { readGreyImage, readMaskImage } from "../data/imageFile.js";
import { type Corner, croppedSize, drawPatch, type Foreground, integralImage } from "../data/patches.js";
import { resizeBilinear, resizeNearest } from "../data/resize.js";
import { scanDataset } from "../data/scan.js";
import type { Dataset, GreyImage, ImageRecord } from "../data/types.js";
import type { FigureRun } from "./load.js";

/** Images of one class that are looked at to find a good example. */
const LOOKED_AT = 40;

/** An image at the size at which patches of it are cut. */
export interface Colony {
  record: ImageRecord;
  image: GreyImage;
  /** 0 and 1; null: there is no mask file, the whole image is foreground. */
  mask: GreyImage | null;
  foreground: Foreground;
}

/** The data folder of a run: the one given, or its own. @returns a reason where there is none */
export function dataFolder(run: FigureRun, given: string | null): { root: string } | string {
  if (given !== null) return { root: given };
  if (!run.dataset) return "the run does not say where its images are; give --data";
  const root = resolve(run.folder, run.dataset.root);
  const found = [root, resolve(run.dataset.root)].find((folder) => existsSync(folder));
  return found === undefined
    ? `the images are no longer in ${run.dataset.root}; put them back there, or give --data`
    : { root: found };
}

/** Images and classes as the run saw them. @throws UserError as `scanDataset`, and when the classes are others */
export async function scanFor(run: FigureRun, root: string): Promise<Dataset> {
  const { unlabelled, multiLabel, labels } = run.config.data as Record<string, unknown>;
  const dataset = await scanDataset(root, {
    ...(Array.isArray(unlabelled) && { unlabelled: unlabelled.map(String) }),
    ...(Array.isArray(multiLabel) && { multiLabel: multiLabel.map(String) }),
    ...(typeof labels === "string" && { labels }),
  });
  if (dataset.classes.join("\n") === run.classes.join("\n")) return dataset;
  throw new UserError(
    `${root}: has the classes ${dataset.classes.join(", ")}, but the run ${run.name} has ${run.classes.join(", ")}; give the folder it was trained on`,
  );
}

/**
 * Examples of a class: images of those looked at (evenly spread over its list) whose short side reaches `side`, else the largest ones.
 * @param side largest patch that is to be cut, px
 */
export async function examples(records: readonly ImageRecord[], side: number, count: number): Promise<Colony[]> {
  const looked = spread(records, LOOKED_AT);
  const sized: { record: ImageRecord; image: GreyImage; short: number }[] = [];
  for (const record of looked) {
    const image = await readGreyImage(record.file);
    sized.push({ record, image, short: Math.min(image.height, image.width) });
  }
  const large = sized.filter(({ short }) => short >= side);
  const chosen = large.length >= count ? spread(large, count) : sized.sort((a, b) => b.short - a.short).slice(0, count);
  return Promise.all(chosen.map(({ record, image }) => colonyOf(record, image, side)));
}

/** An image with its mask, enlarged together where the image is smaller than a patch of `side` px. */
async function colonyOf(record: ImageRecord, image: GreyImage, side: number): Promise<Colony> {
  const mask = record.mask === null ? null : await readMaskImage(record.mask, image, record.file);
  const { height, width } = croppedSize(image.height, image.width, side);
  const same = height === image.height && width === image.width;
  const fitted = same ? image : resizeBilinear(image, height, width);
  const fittedMask = same || mask === null ? mask : resizeNearest(mask, height, width);
  const integral = fittedMask && integralImage(fittedMask.pixels, height, width);
  return { record, image: fitted, mask: fittedMask, foreground: { height, width, integral } };
}

/** A patch as training draws it: at random, with enough foreground. */
export function drawnPatch({ foreground, record }: Colony, size: number, minForeground: number): Corner {
  return drawPatch(foreground, size, minForeground, new Rng(0, `figure ${size} ${record.id}`), 20);
}

/** A square part of an image. */
export function cut({ image }: Pick<Colony, "image">, { y, x }: Corner, size: number): GreyImage {
  const pixels = new Uint8Array(size * size);
  for (let row = 0; row < size; row++) {
    const start = (y + row) * image.width + x;
    pixels.set(image.pixels.subarray(start, start + size), row * size);
  }
  return { height: size, width: size, pixels };
}

/** Evenly spaced members of a list, first and last included; the middle one for one. */
export function spread<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  if (most === 1) return [list[Math.floor(list.length / 2)] as T];
  return Array.from({ length: most }, (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))] as T);
}

/** Share of foreground that a patch needs, as in the run's options; 0.25 where they do not say. */
export function minForegroundOf({ config }: FigureRun): number {
  const patch = config.patch as Record<string, unknown> | undefined;
  return typeof patch?.minForeground === "number" ? patch.minForeground : 0.25;
}

/** The sides that are the centre of a larger patch, with that one's side, in runs of two scales. */
export function centresOf(runs: readonly FigureRun[], sides: readonly number[]): Map<number, number> {
  const pairs = runs.flatMap(({ config }) => {
    const { size, smallSize } = (config.patch ?? {}) as Record<string, unknown>;
    return typeof size === "number" && typeof smallSize === "number" ? [[smallSize, size] as const] : [];
  });
  return new Map(pairs.filter((pair) => pair.every((side) => sides.includes(side))));
}

/** Patch sides of runs in px, ascending, both of networks with two scales. */
export function scalesOf(runs: readonly FigureRun[]): number[] {
  const sides = runs.flatMap(({ config }) => {
    const { size, smallSize } = (config.patch ?? {}) as Record<string, unknown>;
    return [size, smallSize].filter((side) => typeof side === "number");
  });
  return [...new Set(sides)].sort((a, b) => a - b);
}
