import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readGreyImage } from "../../pipeline/data/imageFile.js";
import type { GreyImage } from "../../pipeline/data/types.js";
import { type RunStore, runFiles } from "../../pipeline/run/store.js";

/** The files of a run folder, in memory. */
export async function memoryFiles(run: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const file of Object.values(runFiles)) {
    const bytes = await readFile(join(run, file)).catch(() => null);
    if (bytes) files.set(file, new Uint8Array(bytes));
  }
  return files;
}

/** Reads what is in such a map now. */
export function memoryStore(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Pick<RunStore, "nameOf" | "read"> {
  return { nameOf: (file) => file, read: async (file) => files.get(file) ?? null };
}

/** The pictures of a data folder by their place in it, as `Dense/x.png`. */
export async function memoryImages(data: string): Promise<Map<string, GreyImage>> {
  const images = new Map<string, GreyImage>();
  const root = join(data, "images");
  for (const name of (await readdir(root, { recursive: true })).sort())
    if (name.endsWith(".png")) images.set(name.split("\\").join("/"), await readGreyImage(join(root, name)));
  return images;
}
