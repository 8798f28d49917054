import { readdir, realpath, stat } from "node:fs/promises";
import { join, parse } from "node:path";
import { UserError } from "../../engine/errors.js";
import { foreignFormat, isReadable } from "../images/formats.js";

/** Image files under a folder. Paths are POSIX and relative to that folder, sorted by code units. */
export interface Listing {
  files: string[];
  /** Names of the direct subfolders, hidden ones excepted, sorted. */
  folders: string[];
}

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/** The path without its extension: what an image and its mask have in common. */
export function stemOf(path: string): string {
  return path.slice(0, path.length - parse(path).ext.length);
}

function refuseFormats(folder: string, files: readonly string[]): void {
  for (const file of files) {
    const refusal = foreignFormat(join(folder, file));
    if (refusal) throw refusal;
  }
}

function refuseDuplicates(folder: string, files: readonly string[]): void {
  const byStem = new Map<string, string>();
  for (const file of files) {
    const other = byStem.get(stemOf(file));
    if (other !== undefined) {
      throw new UserError(
        `${join(folder, other)} and ${join(folder, file)} have the same stem, so their masks and predictions cannot be told apart; ` +
          `rename one of them`,
      );
    }
    byStem.set(stemOf(file), file);
  }
}

/** Adds every visible file below `folder` to `files`, following links; `trail` holds the real paths of the folders above. */
async function walk(folder: string, prefix: string, trail: readonly string[], files: string[]): Promise<string[]> {
  const real = await realpath(folder);
  if (trail.includes(real)) throw new UserError(`${folder}: this link leads back to a folder above it; remove it`);
  const folders: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    const target = entry.isSymbolicLink() ? await stat(path).catch(() => null) : entry;
    if (target === null) throw new UserError(`${path}: this link leads nowhere; remove or repair it`);
    if (target.isFile()) files.push(prefix + entry.name);
    if (target.isDirectory()) {
      folders.push(entry.name);
      await walk(path, `${prefix}${entry.name}/`, [...trail, real], files);
    }
  }
  return folders;
}

/**
 * Lists the images under `folder` (PNG, TIFF, JPEG, by their extensions), subfolders included. Hidden files and files that are
 * no images are passed over.
 *
 * @throws UserError for images in another format (with the way to convert them), two files with one stem, a broken link
 */
export async function listImages(folder: string): Promise<Listing> {
  const files: string[] = [];
  const folders = await walk(folder, "", [], files);
  refuseFormats(folder, files);
  const images = files.filter(isReadable).sort();
  refuseDuplicates(folder, images);
  return { files: images, folders: folders.sort() };
}
