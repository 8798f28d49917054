import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "../../engine/errors.js";
import { groupImages } from "./groups.js";
import { type LabelTable, readLabels } from "./labels.js";
import { isFolder, type Listing, listImages, stemOf } from "./listing.js";
import type { Dataset, ImageRecord, Part } from "./types.js";

export const MAX_CLASSES = 100;

export interface ScanOptions {
  /** Folder (or CSV class) names without a label; default `["Unlabelled"]`. */
  unlabelled?: readonly string[];
  /** Folder (or CSV class) names of images that show several classes; default `["MultiLabel"]`. */
  multiLabel?: readonly string[];
  /** CSV file with columns file,class (and others for `groupBy`) that replaces the class folders. */
  labels?: string | null;
  /** A column of `labels`, else a regular expression on the file name (first capture group, or the whole match). */
  groupBy?: string | null;
}

/** A `Dataset` and what is odd about it but no reason to stop, one sentence each. */
export interface ScannedDataset extends Dataset {
  warnings: string[];
}

interface Folders {
  images: string;
  masks: string | null;
}

/** `<root>/images` with `<root>/masks`, or the class folders directly in root. */
async function findFolders(root: string): Promise<Folders> {
  if (!(await isFolder(root))) {
    const found = existsSync(root) ? `${root} is a file` : `there is no folder ${root}`;
    throw new UserError(`data: ${found}; give the folder that holds images/<Class>/* or <Class>/*`);
  }
  const masks = (await isFolder(join(root, "masks"))) ? join(root, "masks") : null;
  if (await isFolder(join(root, "images"))) return { images: join(root, "images"), masks };
  if (masks !== null) {
    throw new UserError(
      `${root}: has a folder "masks" but no folder "images"; move the class folders to ${join(root, "images")}`,
    );
  }
  return { images: root, masks: null };
}

/** The class name of each image id, or null for none: from the CSV when it has classes, else the top folder. */
function namesOf(listing: Listing, table: LabelTable | null, multiLabel: readonly string[]): (string | null)[] {
  const folderOf = (id: string) => (id.includes("/") ? id.slice(0, id.indexOf("/")) : null);
  if (!table?.columns.includes("class")) return listing.files.map(folderOf);
  return listing.files.map((id) => {
    const name = table.byId.get(id)?.class ?? "";
    if (name !== "") return name;
    const folder = folderOf(id);
    return folder !== null && multiLabel.includes(folder) ? folder : null;
  });
}

function checkFolders(images: string, listing: Listing, options: ScanOptions, warnings: string[]): void {
  const loose = listing.files.filter((id) => !id.includes("/"));
  const example = join(images, "<Class>", loose[0] ?? "x.png");
  if (listing.folders.length === 0) {
    const found =
      loose.length > 0 ? `found ${loose.length} image file(s) directly in it` : "it holds no images (.png, .tif, .jpg)";
    throw new UserError(
      `${images}: no class folders; ${found}. Put each class in a folder of its own (${example}) or give labels`,
    );
  }
  if (loose.length > 0) {
    throw new UserError(
      `${join(images, loose[0]!)}: ${loose.length} image(s) lie outside the class folders; move them (${example})`,
    );
  }
  for (const name of [...(options.unlabelled ?? []), ...(options.multiLabel ?? [])]) {
    if (name === "Unlabelled" || name === "MultiLabel" || listing.folders.includes(name)) continue;
    throw new UserError(`${images}: there is no folder "${name}"; the folders are ${listing.folders.join(", ")}`);
  }
  for (const folder of listing.folders) {
    if (listing.files.some((id) => id.startsWith(`${folder}/`))) continue;
    const special = options.unlabelled?.includes(folder) || options.multiLabel?.includes(folder);
    const message = `${join(images, folder)}: holds no images (.png, .tif, .jpg)`;
    if (!special) {
      const inside =
        listing.files.length > 0 ? "add images or remove the folder" : `is ${images} the folder of the class folders?`;
      throw new UserError(`${message}; ${inside}`);
    }
    warnings.push(message);
  }
}

function checkClasses(classes: readonly string[], where: string, options: ScanOptions, warnings: string[]): void {
  const others = [...(options.unlabelled ?? []), ...(options.multiLabel ?? [])].join(", ");
  if (classes.length < 2) {
    const found = classes.length === 0 ? "no class with a label" : `only one class ("${classes[0]}")`;
    throw new UserError(
      `${where}: found ${found}; a classifier needs at least two (folders without a label: ${others})`,
    );
  }
  if (classes.length > MAX_CLASSES) {
    throw new UserError(
      `${where}: found ${classes.length} classes, at most ${MAX_CLASSES} are supported; is ${where} the folder of the class folders? ` +
        `The first are ${classes.slice(0, 5).join(", ")}`,
    );
  }
  for (const name of classes.filter((name) => /^un-?_?labell?ed$|^multi[-_ ]?labell?(ed)?$/i.test(name))) {
    warnings.push(
      `"${name}" is taken as a class; if its images have no (single) label, list it under unlabelled or multiLabel`,
    );
  }
}

/** Mask file by image id; warns about images without and masks without their counterpart. */
async function matchMasks(
  folder: string | null,
  ids: readonly string[],
  warnings: string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (folder === null) return found;
  const stems = new Map(ids.map((id) => [stemOf(id), id]));
  const orphans: string[] = [];
  for (const mask of (await listImages(folder)).files) {
    const id = stems.get(stemOf(mask));
    if (id === undefined) orphans.push(mask);
    else found.set(id, join(folder, mask));
  }
  const bare = ids.filter((id) => !found.has(id));
  if (orphans.length > 0) {
    warnings.push(
      `${orphans.length} mask(s) in ${folder} have no image of the same folder and stem and are not used, first ${orphans[0]}`,
    );
  }
  if (bare.length > 0) {
    warnings.push(
      `${bare.length} image(s) have no mask in ${folder}: the whole image counts as foreground, first ${bare[0]}`,
    );
  }
  return found;
}

function unlabelledRows(names: readonly (string | null)[], table: LabelTable | null, warnings: string[]): void {
  const count = names.filter((name) => name === null).length;
  if (table !== null && count > 0)
    warnings.push(`${count} image(s) have no class in ${table.file}: they count as unlabelled`);
}

/**
 * Reads which images, masks, classes and groups a folder holds; no image is opened.
 *
 * Layouts: `<root>/images/<Class>/x.png` with `<root>/masks/<Class>/x.png` (same stem), or plain `<root>/<Class>/x.png`; instead
 * of .png also .tif, .tiff, .jpg, .jpeg.
 *
 * @throws UserError naming folder or file: missing folder, no or one class, more than 100 classes, an empty class folder, other
 *   image formats, duplicate stems, a CSV that does not fit, a `groupBy` that matches nothing
 */
export async function scanDataset(root: string, options: ScanOptions = {}): Promise<ScannedDataset> {
  const settings = { unlabelled: ["Unlabelled"], multiLabel: ["MultiLabel"], ...options };
  const warnings: string[] = [];
  const folders = await findFolders(resolve(root));
  const listing = await listImages(folders.images);
  const table = settings.labels ? await readLabels(resolve(settings.labels), listing.files) : null;
  const byCsv = table?.columns.includes("class") ?? false;
  if (!byCsv) checkFolders(folders.images, listing, settings, warnings);
  const names = namesOf(listing, table, settings.multiLabel);
  if (byCsv) unlabelledRows(names, table, warnings);
  const isClass = (name: string | null): name is string =>
    name !== null && !settings.unlabelled.includes(name) && !settings.multiLabel.includes(name);
  const classes = [...new Set(names.filter(isClass))].sort();
  checkClasses(classes, byCsv ? table!.file : folders.images, settings, warnings);
  const masks = await matchMasks(folders.masks, listing.files, warnings);
  const groups = groupImages(listing.files, settings.groupBy ?? null, table, warnings);
  const images = listing.files.map((id, i): ImageRecord => {
    const name = names[i] ?? null;
    const part: Part = isClass(name)
      ? "labelled"
      : name !== null && settings.multiLabel.includes(name)
        ? "multi-label"
        : "unlabelled";
    const label = isClass(name) ? classes.indexOf(name) : null;
    return { id, file: join(folders.images, id), mask: masks.get(id) ?? null, part, label, group: groups[i] ?? null };
  });
  return { root: resolve(root), classes, images, warnings };
}
