/** A run in a folder, for its report. */
import { existsSync } from "node:fs";
import { basename, join, resolve, sep } from "node:path";
import { readGreyImage } from "../data/imageFile.js";
import { FolderStore, runPaths } from "../run/folder.js";
import type { ReportSource, RunImages } from "./source.js";

/** A run folder, with its images where they are still in their place. */
export function folderSource(runDir: string): ReportSource {
  return {
    name: basename(resolve(runDir)),
    place: runDir,
    files: new FolderStore(runPaths(runDir)),
    // A run that was made in a page carries its images, and names them from its own folder.
    images: (root) => folderImages(resolve(runDir, root)),
  };
}

function folderImages(root: string): RunImages {
  return {
    place: root,
    has: (file) => locateImage(root, file) !== null,
    async read(file) {
      const path = locateImage(root, file);
      return path === null ? null : readGreyImage(path).catch(() => null);
    },
  };
}

/**
 * An image of a data folder, or null where it is gone. Only files inside the folder are found, whatever the table of predictions says.
 * @param root images lie in it, or in `images` below it
 * @param file as in the table of predictions
 */
export function locateImage(root: string, file: string): string | null {
  for (const folder of [join(root, "images"), root].map((one) => resolve(one))) {
    const path = resolve(folder, file);
    if (path.startsWith(folder + sep) && existsSync(path)) return path;
  }
  return null;
}
