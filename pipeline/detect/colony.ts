import type { MaskObject } from "./components.js";

/** Colonies as they are reported and cut out. Needs no Node. */

export interface Colony extends MaskObject {
  readonly touchesBorder: boolean;
}

/** @param w width of the image, px @param h its height */
export function colonyOf(object: MaskObject, w: number, h: number): Colony {
  const { minRow, minCol, maxRow, maxCol } = object;
  return { ...object, touchesBorder: minRow === 0 || minCol === 0 || maxRow === h || maxCol === w };
}

/** File name of colony i (from 0) of an image. */
export const cropName = (stem: string, i: number) => `${stem}_${i + 1}.png`;

/** The values in a colony's box, row-major. @param w width of the image, px */
export function crop(pixels: Uint8Array, w: number, { minRow, minCol, maxRow, maxCol }: MaskObject): Uint8Array {
  const width = maxCol - minCol;
  const y = new Uint8Array(width * (maxRow - minRow));
  for (let row = minRow; row < maxRow; row++)
    y.set(pixels.subarray(row * w + minCol, row * w + maxCol), (row - minRow) * width);
  return y;
}

/** The mask in a colony's box without other colonies that reach into it: the 8-connected object that has the box's area. */
export function colonyMask(mask: Uint8Array, w: number, colony: MaskObject): Uint8Array {
  const all = crop(mask, w, colony);
  const width = colony.maxCol - colony.minCol;
  const number = new Uint32Array(all.length);
  // The object begins in the first row of its box; another that does too can be as large only if it is not whole.
  for (let start = 0; start < width; start++) {
    if (all[start] === 0 || number[start] !== 0) continue;
    const pixels = flood(all, width, number, start, start + 1);
    if (pixels.length !== colony.area) continue;
    const y = new Uint8Array(all.length);
    for (const at of pixels) y[at] = 255;
    return y;
  }
  return all;
}

function flood(all: Uint8Array, width: number, number: Uint32Array, start: number, label: number): number[] {
  const pixels = [start];
  number[start] = label;
  for (let next = 0; next < pixels.length; next++) {
    const at = pixels[next]!;
    const x = at % width;
    for (let dx = x > 0 ? -1 : 0; dx <= (x < width - 1 ? 1 : 0); dx++) {
      for (const to of [at + dx - width, at + dx, at + dx + width]) {
        if (to < 0 || to >= all.length || all[to] === 0 || number[to] !== 0) continue;
        number[to] = label;
        pixels.push(to);
      }
    }
  }
  return pixels;
}
