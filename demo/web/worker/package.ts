import { encode } from "fast-png";
import { strToU8, type Zippable, zipSync } from "fflate";
import { colonyMask, crop, cropName } from "../../../pipeline/detect/colony.js";
import { drawOverlay } from "../../../pipeline/detect/run/overlay.js";
import { coloniesCsv, type ImageColonies } from "../../../pipeline/detect/table.js";

/** Results as files: those that `equipoise detect` writes. */

/** An image, its colonies and their mask. */
export interface Result extends ImageColonies {
  readonly w: number;
  readonly h: number;
  /** w * h grey values. */
  readonly pixels: Uint8Array;
  /** w * h values, 255 in colonies. */
  readonly mask: Uint8Array;
}

export function greyPng(data: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encode({ width, height, data, channels: 1, depth: 8 }));
}

/**
 * A folder that `equipoise train --data` and `equipoise predict` read: crops and their masks in Unlabelled, the table, and of each
 * image the mask and a picture to check by.
 */
export function resultsZip(results: readonly Result[]): Uint8Array<ArrayBuffer> {
  const files: Zippable = { "colonies.csv": strToU8(coloniesCsv(results)) };
  // PNG is compressed already.
  const add = (name: string, png: Uint8Array) => {
    files[name] = [png, { level: 0 }];
  };
  for (const { stem, w, h, pixels, mask, colonies } of results) {
    add(`${stem}/mask.png`, greyPng(mask, w, h));
    const { data } = drawOverlay(pixels, mask, { w, h }, colonies);
    add(`${stem}/overlay.png`, encode({ width: w, height: h, data, channels: 3, depth: 8 }));
    for (const [i, colony] of colonies.entries()) {
      const [width, height] = [colony.maxCol - colony.minCol, colony.maxRow - colony.minRow];
      add(`images/Unlabelled/${cropName(stem, i)}`, greyPng(crop(pixels, w, colony), width, height));
      add(`masks/Unlabelled/${cropName(stem, i)}`, greyPng(colonyMask(mask, w, colony), width, height));
    }
  }
  return zipSync(files) as Uint8Array<ArrayBuffer>;
}
