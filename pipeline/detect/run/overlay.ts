import { boxColour, outlineColour, type Rgb } from "../../palette.js";
import type { MaskObject } from "../components.js";

/** The picture to check a detection by: the well in grey, outlines, boxes and numbers of its colonies. Needs no Node. */

/** An RGB image, row-major, 3 bytes per pixel. */
export interface RgbImage {
  readonly w: number;
  readonly h: number;
  readonly data: Uint8Array;
}

const inkColour: Rgb = [0, 0, 0];

/** Digits, 3 wide and 5 high: a bit per point, rows from the top. */
const digits = [
  0b111101101101111, 0b010110010010111, 0b111001111100111, 0b111001111001111, 0b101101111001001, 0b111100111001111,
  0b111100111101111, 0b111001010010010, 0b111101111101111, 0b111101111001111,
];

/** Width of the lines for an image of this size, px: one point where the image is shown 700 points wide. */
export function lineWidth(w: number, h: number): number {
  return Math.max(1, Math.round(Math.max(w, h) / 700));
}

/**
 * @param pixels w * h grey values
 * @param mask w * h values, above 0 in colonies
 * @param colonies numbered from 1, as their crops
 */
export function drawOverlay(
  pixels: Uint8Array,
  mask: Uint8Array,
  { w, h }: { readonly w: number; readonly h: number },
  colonies: readonly MaskObject[],
): RgbImage {
  const data = new Uint8Array(w * h * 3);
  for (let i = 0; i < pixels.length; i++) data.fill(pixels[i]!, i * 3, i * 3 + 3);
  const image = { w, h, data };
  const line = lineWidth(w, h);
  drawOutlines(image, mask, line);
  for (const colony of colonies) drawBox(image, colony, line);
  for (const [i, colony] of colonies.entries()) drawNumber(image, String(i + 1), colony, line);
  return image;
}

/** Paints the pixels of the mask that are at most `line` from its edge, the edges of the image included. */
function drawOutlines(image: RgbImage, mask: Uint8Array, line: number): void {
  const { w, h } = image;
  const reach = Math.max(1, line - 1);
  const inner = erode(erode(mask, w, h, reach, 1, w), h, w, reach, w, 1);
  for (let i = 0; i < mask.length; i++) if (mask[i]! > 0 && inner[i] === 0) paint(image, i, outlineColour);
}

/** 1 where all values up to `reach` before and behind, `step` apart, are above 0; lines of `length`, `across` apart. */
function erode(mask: Uint8Array, length: number, lines: number, reach: number, step: number, across: number) {
  const y = new Uint8Array(mask.length);
  for (let start = 0, l = 0; l < lines; l++, start += across) {
    let run = 0;
    for (let i = 0, at = start; i < length; i++, at += step) {
      run = mask[at]! > 0 ? run + 1 : 0;
      if (run > 2 * reach) y[at - reach * step] = 1;
    }
  }
  return y;
}

function paint({ data }: RgbImage, i: number, colour: Rgb): void {
  data.set(colour, i * 3);
}

function fill(image: RgbImage, x0: number, y0: number, x1: number, y1: number, colour: Rgb): void {
  for (let y = Math.max(0, y0); y < Math.min(image.h, y1); y++)
    for (let x = Math.max(0, x0); x < Math.min(image.w, x1); x++) paint(image, y * image.w + x, colour);
}

/** Just around the colony; at the edges of the image just inside. */
function drawBox(image: RgbImage, { minRow, minCol, maxRow, maxCol }: MaskObject, line: number): void {
  const [x0, y0] = [Math.max(0, minCol - line), Math.max(0, minRow - line)];
  const [x1, y1] = [Math.min(image.w, maxCol + line), Math.min(image.h, maxRow + line)];
  fill(image, x0, y0, x1, y0 + line, boxColour);
  fill(image, x0, y1 - line, x1, y1, boxColour);
  fill(image, x0, y0, x0 + line, y1, boxColour);
  fill(image, x1 - line, y0, x1, y1, boxColour);
}

/** A plate with the number at the left of the box: above it, else below it, else (a colony as high as the image) inside. */
function drawNumber(image: RgbImage, text: string, { minRow, minCol, maxRow }: MaskObject, line: number): void {
  const dot = Math.min(image.w, image.h) < 200 ? 1 : Math.max(2, Math.round(1.5 * line));
  const [width, height] = [(4 * text.length + 1) * dot, 7 * dot];
  const x0 = Math.max(0, Math.min(minCol - line, image.w - width));
  const below = maxRow + height <= image.h ? maxRow : Math.max(0, minRow - line);
  const y0 = minRow >= height ? minRow - height : below;
  fill(image, x0, y0, x0 + width, y0 + height, boxColour);
  [...text].forEach((char, place) => {
    const bits = digits[Number(char)]!;
    for (let bit = 0; bit < 15; bit++) {
      if (((bits >> (14 - bit)) & 1) === 0) continue;
      const x = x0 + (1 + 4 * place + (bit % 3)) * dot;
      const y = y0 + (1 + Math.floor(bit / 3)) * dot;
      fill(image, x, y, x + dot, y + dot, inkColour);
    }
  });
}
