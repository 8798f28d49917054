/** Data contracts between scanning, splitting, loading and training. */

/** What a folder (or a CSV row) says about an image: one class, no label, or several classes at once. */
export type Part = "labelled" | "unlabelled" | "multi-label";

export interface ImageRecord {
  /** POSIX path relative to the images folder, for example `Dense/x.png`; unique. */
  id: string;
  /** Absolute path. */
  file: string;
  /** Absolute path of the mask, or null: the whole image is foreground. */
  mask: string | null;
  part: Part;
  /** Index into `Dataset.classes`; null for unlabelled and multi-label images. */
  label: number | null;
  /** Value of `groupBy`; null without it. Images of one group stay in one part of a split. */
  group: string | null;
}

/** Images are sorted by id, classes by name (code units): indices into both are stable for one folder. */
export interface Dataset {
  root: string;
  classes: string[];
  images: ImageRecord[];
}

/** Indices into `Dataset.images`, ascending and disjoint. `L` excludes `validation`. */
export interface Split {
  L: number[];
  validation: number[];
  U: number[];
  T: number[];
  warnings: string[];
}

/** A square crop. `y` and `x` count in the image as the loader serves it (resized when smaller than a patch). */
export interface Patch {
  image: number;
  y: number;
  x: number;
  size: number;
  /** size * size grey values, row-major. */
  pixels: Uint8Array;
}

/** 8-bit grey image, row-major. */
export interface GreyImage {
  height: number;
  width: number;
  pixels: Uint8Array;
}
