import { resizeBilinear } from "./resize.js";
import type { GreyImage } from "./types.js";

/** Sides that an imported image may have, px. */
export const IMPORT_SIDES = [64, 32] as const;
export type ImportSide = (typeof IMPORT_SIDES)[number];

/**
 * An image of up to 32 px made square: at 64 px it is enlarged (bilinear); at 32 px its pixels stay and black ones surround it.
 * @throws RangeError if it is larger than 32 px
 */
export function toSide(image: GreyImage, side: ImportSide): GreyImage {
  return side === 32 ? bordered(image, side) : resizeBilinear(image, side, side);
}

function bordered({ height, width, pixels }: GreyImage, side: number): GreyImage {
  if (height > side || width > side)
    throw new RangeError(`an image of ${width}x${height} px does not fit into ${side} px`);
  const [top, left] = [Math.floor((side - height) / 2), Math.floor((side - width) / 2)];
  const out = new Uint8Array(side * side);
  for (let y = 0; y < height; y++) out.set(pixels.subarray(y * width, (y + 1) * width), (top + y) * side + left);
  return { height: side, width: side, pixels: out };
}
