import type { Rng } from "../../engine/rng.js";

/** Top left corner of a square patch, in pixels. */
export interface Corner {
  y: number;
  x: number;
}

/** Foreground of an image: sums over rectangles in constant time. */
export interface Foreground {
  height: number;
  width: number;
  /** (height + 1) x (width + 1) sums of the mask above and left; null: every pixel is foreground. */
  integral: Uint32Array | null;
}

/** Summed-area table of a 0/1 mask: entry (y, x) counts the ones in rows < y and columns < x. */
export function integralImage(mask: Uint8Array, height: number, width: number): Uint32Array {
  const pitch = width + 1;
  const sums = new Uint32Array((height + 1) * pitch);
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += mask[y * width + x]!;
      sums[(y + 1) * pitch + x + 1] = sums[y * pitch + x + 1]! + row;
    }
  }
  return sums;
}

/** Number of foreground pixels in rows y..y+h-1 and columns x..x+w-1. */
export function foregroundIn({ integral, width }: Foreground, y: number, x: number, h: number, w: number): number {
  if (integral === null) return h * w;
  const pitch = width + 1;
  const at = (row: number, column: number) => integral[row * pitch + column]!;
  return at(y + h, x + w) - at(y, x + w) - at(y + h, x) + at(y, x);
}

/** Size at which an image is cropped: unchanged, or enlarged so that its short side equals the patch (METHOD section 3). */
export function croppedSize(height: number, width: number, patch: number): { height: number; width: number } {
  const short = Math.min(height, width);
  if (short >= patch) return { height, width };
  return { height: Math.round((height * patch) / short), width: Math.round((width * patch) / short) };
}

function checkFits({ height, width }: Foreground, size: number): void {
  if (!Number.isInteger(size) || size < 1 || size > height || size > width) {
    throw new RangeError(`patch: side ${size} does not fit an image of ${width} x ${height} px; resize it first`);
  }
}

/**
 * Draws a square patch whose foreground is at least `minForeground` of its area (0..1). After `tries` draws the last is kept;
 * when the whole mask is not larger than that area, the first is. Takes two words of `rng` per draw.
 */
export function drawPatch(image: Foreground, size: number, minForeground: number, rng: Rng, tries = 2): Corner {
  checkFits(image, size);
  const { height, width } = image;
  const least = minForeground * size * size;
  const anyCrop = foregroundIn(image, 0, 0, height, width) <= least;
  let corner: Corner = { y: 0, x: 0 };
  for (let i = 0; i < tries; i++) {
    corner = { y: rng.int(height - size + 1), x: rng.int(width - size + 1) };
    if (anyCrop || foregroundIn(image, corner.y, corner.x, size, size) >= least) break;
  }
  return corner;
}

/**
 * A patch beside the one at `corner`. Of the four directions each gives the patch one side away, or as far away as the image goes; of
 * those with enough foreground (all, where the whole mask is small: see `drawPatch`) the farthest, of equally far ones a random
 * one. Where none has enough, and in an image of patch size, it is the same patch. Takes three words of `rng`.
 */
export function adjacentPatch(
  image: Foreground,
  corner: Corner,
  size: number,
  minForeground: number,
  rng: Rng,
): Corner {
  checkFits(image, size);
  const [bottom, right] = [image.height - size, image.width - size];
  const least = minForeground * size * size;
  const anyCrop = foregroundIn(image, 0, 0, image.height, image.width) <= least;
  const sides = [
    { y: Math.max(0, corner.y - size), x: corner.x },
    { y: Math.min(bottom, corner.y + size), x: corner.x },
    { y: corner.y, x: Math.max(0, corner.x - size) },
    { y: corner.y, x: Math.min(right, corner.x + size) },
  ];
  return rng
    .shuffle(sides)
    .filter(({ y, x }) => anyCrop || foregroundIn(image, y, x, size, size) >= least)
    .reduce((best, side) => (distance(corner, side) > distance(corner, best) ? side : best), corner);
}

/** Along rows and columns together, px. */
export function distance(a: Corner, b: Corner): number {
  return Math.abs(a.y - b.y) + Math.abs(a.x - b.x);
}

/** The central square; with an odd margin the extra pixel is below and to the right. */
export function centralCrop(height: number, width: number, size: number): Corner {
  checkFits({ height, width, integral: null }, size);
  return { y: Math.floor((height - size) / 2), x: Math.floor((width - size) / 2) };
}

/** `count` positions from 0 to `room` at even distances, the middle for one. */
function evenly(count: number, room: number): number[] {
  if (count === 1) return [Math.floor(room / 2)];
  return Array.from({ length: count }, (_, i) => Math.round((i * room) / (count - 1)));
}

/**
 * Patches of one test image: for 1 the central crop; else an even grid of at least `count` positions that reaches all edges, of
 * which those with most foreground are taken (of equals the more central). On an image of patch size all are the same.
 */
export function testPatches(image: Foreground, size: number, count: number): Corner[] {
  checkFits(image, size);
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`testPatches: count is ${count}; give an integer from 1 up`);
  const central = centralCrop(image.height, image.width, size);
  if (count === 1) return [central];
  const [roomY, roomX] = [image.height - size, image.width - size];
  const aspect = (roomX + 1) / (roomY + 1);
  const columns = Math.max(1, Math.min(count, Math.round(Math.sqrt(count * aspect))));
  const rows = Math.ceil(count / columns);
  const grid = evenly(rows, roomY).flatMap((y) => evenly(columns, roomX).map((x) => ({ y, x })));
  const scored = grid.map((corner) => ({
    corner,
    foreground: foregroundIn(image, corner.y, corner.x, size, size),
    distance: Math.hypot(corner.y - central.y, corner.x - central.x),
  }));
  scored.sort((a, b) => b.foreground - a.foreground || a.distance - b.distance);
  return scored.slice(0, count).map(({ corner }) => corner);
}

/** Copies the patch at `corner` of an image of `width` px into `out` at `offset`, row-major. */
export function cutPatch(
  pixels: Uint8Array,
  width: number,
  corner: Corner,
  size: number,
  out: Uint8Array,
  offset: number,
): void {
  for (let row = 0; row < size; row++) {
    const start = (corner.y + row) * width + corner.x;
    out.set(pixels.subarray(start, start + size), offset + row * size);
  }
}
