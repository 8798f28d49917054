/**
 * Which part of a colony is what: patches slide over the image, the network's probabilities are averaged in every pixel over the
 * patches that cover it, and the most probable class is its label. Needs no Node: images come as arrays.
 */
import { type Corner, croppedSize, cutPatch, type Foreground, foregroundIn, integralImage } from "../data/patches.js";
import { resizeBilinear, resizeNearest } from "../data/resize.js";
import type { GreyImage, Patch } from "../data/types.js";
import { Blend } from "./blend.js";

export interface ClassMapOptions {
  /** Number of classes, 1 to 255. */
  readonly classes: number;
  /** Side of a patch, px. */
  readonly size: number;
  /** Distance of neighbouring patches, px; 1 to `size`. */
  readonly stride: number;
  /**
   * Share of a patch, 0..1, that must be foreground for its answer to count, as in training; a pixel that no such patch covers
   * takes the others.
   */
  readonly minForeground: number;
  /** Patches given to `classify` at once. */
  readonly batch: number;
  readonly signal?: AbortSignal;
}

export interface ClassMap {
  readonly height: number;
  readonly width: number;
  /** Per pixel: 0 outside the mask, c + 1 for class c. */
  readonly labels: Uint8Array;
  /** Pixels of each class. */
  readonly pixels: number[];
  /** Pixels of the mask: the sum of `pixels`. */
  readonly total: number;
  /** Mean probabilities over the mask. */
  readonly mean: number[];
  /** Patches that were classified. */
  readonly patches: number;
}

/** Class probabilities of patches, one row each. */
export type Classify = (patches: readonly Patch[]) => Promise<readonly ArrayLike<number>[]>;

/**
 * Maps the classes of one image. An image whose short side is below the patch is enlarged first, as in training, and its map
 * reduced again.
 * @param mask 0 outside, above 0 in the colony, of the image's size; null: the whole image
 * @throws RangeError for options out of range; what `classify` throws
 */
export async function classMap(
  image: GreyImage,
  mask: GreyImage | null,
  options: ClassMapOptions,
  classify: Classify,
): Promise<ClassMap> {
  const { classes, size, stride, minForeground, batch } = options;
  checkOptions(options);
  const shape = croppedSize(image.height, image.width, size);
  const { pixels } = resizeBilinear(image, shape.height, shape.width);
  const foreground = mask && resizeNearest(binary(mask), shape.height, shape.width).pixels;
  const integral = foreground && integralImage(foreground, shape.height, shape.width);
  const area: Foreground = { ...shape, integral };
  const corners = slidingCorners(shape.height, shape.width, size, stride).filter(
    ({ y, x }) => foregroundIn(area, y, x, size, size) > 0,
  );
  const blend = new Blend(corners, size, classes);
  for (let i = 0; i < corners.length; i += batch) {
    options.signal?.throwIfAborted();
    const part = corners.slice(i, i + batch);
    const rows = await classify(part.map((corner) => patchAt(pixels, shape.width, corner, size)));
    part.forEach((corner, k) => {
      const share = foregroundIn(area, corner.y, corner.x, size, size) / size ** 2;
      blend.add(corner, rows[k] as ArrayLike<number>, share >= minForeground);
    });
  }
  return { ...label(image, mask, shape, blend, classes), patches: corners.length };
}

/** Corners in rows and columns `stride` apart, and the last ones at the far edges: together the patches cover the image. */
export function slidingCorners(height: number, width: number, size: number, stride: number): Corner[] {
  const along = (room: number) => {
    const places = Array.from({ length: Math.floor(room / stride) + 1 }, (_, i) => i * stride);
    return places.at(-1) === room ? places : [...places, room];
  };
  return along(height - size).flatMap((y) => along(width - size).map((x) => ({ y, x })));
}

/** The distance of patches where none is asked for: a quarter of the patch. */
export function defaultStride(size: number): number {
  return Math.max(1, Math.round(size / 4));
}

function checkOptions({ classes, size, stride, batch, minForeground }: ClassMapOptions): void {
  const whole = {
    classes: [classes, 1, 255],
    size: [size, 1, 2 ** 15],
    stride: [stride, 1, size],
    batch: [batch, 1, 2 ** 15],
  };
  for (const [name, [value, least, most]] of Object.entries(whole) as [string, [number, number, number]][])
    if (!Number.isInteger(value) || value < least || value > most)
      throw new RangeError(`classMap: ${name} is ${value}; give a whole number from ${least} to ${most}`);
  if (!(minForeground >= 0 && minForeground <= 1))
    throw new RangeError(`classMap: minForeground is ${minForeground}; give a share from 0 to 1`);
}

function binary({ height, width, pixels }: GreyImage): GreyImage {
  return { height, width, pixels: pixels.map((value) => (value > 0 ? 1 : 0)) };
}

function patchAt(pixels: Uint8Array, width: number, corner: Corner, size: number): Patch {
  const patch = { image: 0, ...corner, size, pixels: new Uint8Array(size * size) };
  cutPatch(pixels, width, corner, size, patch.pixels, 0);
  return patch;
}

/** The labels at the image's own size; the blend may be of an enlarged one. */
function label(
  { height, width }: GreyImage,
  mask: GreyImage | null,
  shape: { height: number; width: number },
  blend: Blend,
  classes: number,
): Omit<ClassMap, "patches"> {
  const labels = new Uint8Array(height * width);
  const pixels = new Array<number>(classes).fill(0);
  const sums = new Float64Array(classes);
  const columns = Int32Array.from({ length: width }, (_, x) => blend.column(source(x, width, shape.width)));
  for (let y = 0; y < height; y++) {
    const row = blend.row(source(y, height, shape.height));
    for (let x = 0; x < width; x++) {
      if (mask && mask.pixels[y * width + x] === 0) continue;
      const cell = blend.cell(row, columns[x]!);
      labels[y * width + x] = cell.label + 1;
      pixels[cell.label]!++;
      for (let c = 0; c < classes; c++) sums[c]! += cell.mean[c]!;
    }
  }
  const total = pixels.reduce((sum, n) => sum + n, 0);
  return { height, width, labels, pixels, total, mean: Array.from(sums, (sum) => (total > 0 ? sum / total : 0)) };
}

/** The pixel of `to` that lies over pixel i of `from`, by their centres. */
function source(i: number, from: number, to: number): number {
  return from === to ? i : Math.min(to - 1, Math.floor(((i + 0.5) * to) / from));
}
