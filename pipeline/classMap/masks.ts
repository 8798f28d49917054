/** Masks of image files, as data sets and `equipoise detect` keep them. */
import { existsSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { UserError } from "../../engine/errors.js";
import { stemOf } from "../data/listing.js";

const endings = [".png", ".tif", ".tiff", ".PNG", ".TIF", ".TIFF", ".jpg", ".jpeg"];

/**
 * The mask of an image: the file of the same path and stem below `masks`, beside the folder `images` that the image lies in.
 * @param folder folder of masks to use instead: there the mask has the image's path below `images`, or its file name
 * @returns null where there is none
 */
export function maskOf(file: string, folder: string | null = null): string | null {
  const parts = stemOf(resolve(file)).split(sep);
  const images = parts.lastIndexOf("images");
  const below = images >= 0 ? parts.slice(images + 1) : parts.slice(-1);
  const stems: string[] = [];
  if (folder !== null) stems.push(join(folder, ...below), join(folder, parts.at(-1) as string));
  else if (images > 0) stems.push([...parts.slice(0, images), "masks", ...below].join(sep));
  return stems.flatMap((stem) => endings.map((ending) => stem + ending)).find((path) => existsSync(path)) ?? null;
}

/** @throws UserError for a folder that is not there */
export function checkMaskFolder(folder: string): void {
  if (!existsSync(folder)) throw new UserError(`--masks ${folder}: there is no such folder`);
}
