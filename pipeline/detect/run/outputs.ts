import { mkdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { UserError } from "../../../engine/errors.js";
import { reason, writeAtomic, writeJson } from "../../run/folder.js";
import { colonyMask, crop, cropName } from "../colony.js";
import { encodeFloatTiff } from "./floatTiff.js";
import { drawOverlay } from "./overlay.js";
import { cropNames, recordFile, type WellRecord } from "./record.js";

/** The files of one image in DIR. */

/** A stage to write. The values are grey (8 bits), labels (words) or entropy in bits (floats). */
export interface Stage {
  readonly name: string;
  readonly values: Uint8Array | Uint32Array | Float32Array;
}

export interface Output {
  readonly out: string;
  readonly record: WellRecord;
  /** w * h grey values. */
  readonly pixels: Uint8Array;
  /** w * h values, 255 in colonies. */
  readonly mask: Uint8Array;
  readonly stages: readonly Stage[];
  /** Names of crops in Unlabelled that an earlier run made of this image. */
  readonly stale: readonly string[];
  /** Names of crops that are not written: they were sorted into a class, and would be the same. */
  readonly kept: readonly string[];
}

export const cropFolders = (out: string) => ({
  images: join(out, "images", "Unlabelled"),
  masks: join(out, "masks", "Unlabelled"),
});

/** @throws UserError naming the folder that cannot be made */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`--out ${folder}: cannot be made (${reason(error)}); choose another folder`);
  }
}

/**
 * Writes everything that belongs to an image. The record comes first, as incomplete, and last, as complete, so that a run that
 * was killed in between is seen and nothing of it is left over.
 * @throws UserError when a file cannot be written
 */
export function writeOutput({ out, record, pixels, mask, stages, stale, kept }: Output): void {
  const folder = join(out, record.stem);
  const crops = cropFolders(out);
  const size = { w: record.w, h: record.h };
  for (const made of [folder, crops.images, crops.masks]) makeFolder(made);
  removeCrops(out, stale);
  writeJson(recordFile(out, record.stem), { ...record, complete: false });
  record.colonies.forEach((colony, i) => {
    const name = cropName(record.stem, i);
    if (kept.includes(name)) return;
    const [w, h] = [colony.maxCol - colony.minCol, colony.maxRow - colony.minRow];
    writeAtomic(join(crops.images, name), greyPng(crop(pixels, size.w, colony), w, h));
    writeAtomic(join(crops.masks, name), greyPng(colonyMask(mask, size.w, colony), w, h));
  });
  writeAtomic(join(folder, "mask.png"), greyPng(mask, size.w, size.h));
  const { data } = drawOverlay(pixels, mask, size, record.colonies);
  writeAtomic(join(folder, "overlay.png"), encode({ width: size.w, height: size.h, data, channels: 3, depth: 8 }));
  writeStages(join(folder, "stages"), stages, size, record.options.entropyRadius);
  writeJson(recordFile(out, record.stem), record);
}

/** Takes an image of an earlier run out of DIR, all but crops that were sorted into classes. */
export function removeOutput(out: string, record: WellRecord): void {
  removeCrops(out, cropNames(record));
  const folder = join(out, record.stem);
  for (const name of ["mask.png", "overlay.png", "well.json"]) rmSync(join(folder, name), { force: true });
  rmSync(join(folder, "stages"), { recursive: true, force: true });
  try {
    rmdirSync(folder);
  } catch {
    // It holds something that is not ours, which is to be kept.
  }
}

function removeCrops(out: string, names: readonly string[]): void {
  for (const folder of Object.values(cropFolders(out)))
    for (const name of names) rmSync(join(folder, name), { force: true });
}

function greyPng(data: Uint8Array, width: number, height: number): Uint8Array {
  return encode({ width, height, data, channels: 1, depth: 8 });
}

/** Files in the order of the stages; the entropy as floats (bits) and, for the eye, as 8 bits up to the most a disk can have. */
function writeStages(
  folder: string,
  stages: readonly Stage[],
  { w, h }: { w: number; h: number },
  radius: number,
): void {
  if (stages.length === 0) return;
  rmSync(folder, { recursive: true, force: true });
  makeFolder(folder);
  stages.forEach(({ name, values }, i) => {
    const file = join(folder, `${i + 1}_${name}`);
    if (values instanceof Float32Array) {
      writeAtomic(`${file}.tif`, encodeFloatTiff(values, w, h));
      const most = Math.log2(Math.min(256, Math.PI * (radius + 0.5) ** 2));
      writeAtomic(
        `${file}.png`,
        greyPng(
          Uint8Array.from(values, (e) => Math.min(255, Math.round((e / most) * 255))),
          w,
          h,
        ),
      );
    } else if (values instanceof Uint32Array) {
      const data = Uint16Array.from(values, (label) => Math.min(label, 65535));
      writeAtomic(`${file}.png`, encode({ width: w, height: h, data, channels: 1, depth: 16 }));
    } else writeAtomic(`${file}.png`, greyPng(values, w, h));
  });
}
