import { UserError } from "../../../../engine/errors.js";
import type { ScannedDataset } from "../../../../pipeline/data/scan.js";
import type { GreyImage, ImageRecord } from "../../../../pipeline/data/types.js";

/**
 * Images of a training in the page, in the shape of the folder that they make when the run is downloaded: `data/images/<Class>/x.png`
 * and `data/masks/<Class>/x.png`. So the commands scan and split them as the page does.
 */

/** An image that can be trained on. */
export interface TrainImage {
  /** The file's name, for people. */
  readonly name: string;
  readonly image: GreyImage;
  /** 0 and 1; null: the whole image shows the colony. */
  readonly mask: GreyImage | null;
}

/** Images with the classes that they have been given. */
export interface LabelledSet {
  readonly images: readonly TrainImage[];
  /** Class of each image; null: not labelled. */
  readonly labels: readonly (string | null)[];
  /** Where the images lie in the folder of the run that they came with, as `Dense/x.png`: kept, so that the run goes on. */
  readonly ids?: readonly string[];
}

/** The folder of images in a run that was made in a page, below the run's own. */
export const dataFolder = "data";
const unlabelledFolder = "Unlabelled";

/** A data set in the order of its ids, as the commands scan it. */
export interface PageData {
  readonly dataset: ScannedDataset;
  /** The image of each record of the data set. */
  readonly images: readonly TrainImage[];
}

/** @throws UserError for fewer than two classes, or a name that no folder can have */
export function pageData({ images, labels, ids }: LabelledSet): PageData {
  const classes = [...new Set(labels.filter((label) => label !== null))].sort();
  checkClasses(classes);
  const digits = String(images.length).length;
  const entries = images.map((image, i) => {
    const label = labels[i] ?? null;
    const number = String(i + 1).padStart(digits, "0");
    const id = ids?.[i] ?? `${label ?? unlabelledFolder}/${number}-${safeStem(image.name)}.png`;
    return { image, record: recordOf(id, label === null ? null : classes.indexOf(label), image.mask !== null) };
  });
  entries.sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
  return {
    dataset: { root: dataFolder, classes, images: entries.map(({ record }) => record), warnings: [] },
    images: entries.map(({ image }) => image),
  };
}

/** A file's name without extension, of letters that every file system takes. */
function safeStem(name: string): string {
  const letters = name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_-]+/g, "-");
  return letters.slice(0, 60) || "image";
}

function recordOf(id: string, label: number | null, hasMask: boolean): ImageRecord {
  const part = label === null ? "unlabelled" : "labelled";
  const mask = hasMask ? `${dataFolder}/masks/${id}` : null;
  return { id, file: `${dataFolder}/images/${id}`, mask, part, label, group: null };
}

function checkClasses(classes: readonly string[]): void {
  if (classes.length < 2)
    throw new UserError(
      `${classes.length === 0 ? "no image has a class" : `only "${classes[0]}" has images`}: label images of two classes or more`,
    );
  for (const name of classes) {
    const problem = classNameProblem(name);
    if (problem) throw new UserError(problem);
  }
}

/** Why a class cannot be called so: it becomes the name of a folder; null: it can. */
export function classNameProblem(name: string): string | null {
  if (name.trim() === "") return "a class needs a name";
  if (name.length > 60) return `class "${name.slice(0, 20)}...": the name is longer than 60 letters`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those that file systems refuse
  if (/[/\\:*?"<>|\u0000-\u001f]/.test(name) || /^[. ]|[. ]$/.test(name))
    return `class "${name}": folders cannot have such a name; use letters, digits and spaces`;
  if (/^(unlabelled|multilabel)$/i.test(name)) return `class "${name}": that name is for images without one class`;
  return null;
}
