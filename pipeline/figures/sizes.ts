/** How large the images of a class are. */
import { open } from "node:fs/promises";
import { readGreyImage } from "../data/imageFile.js";
import { parsePngHeader } from "../data/png.js";
import type { ImageRecord } from "../data/types.js";
import { spread } from "./images.js";

const MOST = 500;

export interface ShortSides {
  /** Short side of each image that was looked at, px. */
  values: number[];
  /** Images of the class. */
  total: number;
  /** Whether only some were looked at. */
  sampled: boolean;
}

/** Short sides of the images of a class, of at most 500 spread over the list. */
export async function shortSides(records: readonly ImageRecord[]): Promise<ShortSides> {
  const values: number[] = [];
  for (const { file } of spread(records, MOST)) values.push(await shortSide(file));
  return { values, total: records.length, sampled: records.length > MOST };
}

/** From the header of a PNG; other formats are read whole. */
async function shortSide(file: string): Promise<number> {
  if (!/\.png$/i.test(file)) {
    const { height, width } = await readGreyImage(file);
    return Math.min(height, width);
  }
  const handle = await open(file);
  try {
    const head = new Uint8Array(64);
    await handle.read(head, 0, head.length, 0);
    const { height, width } = parsePngHeader(head, file);
    return Math.min(height, width);
  } finally {
    await handle.close();
  }
}
