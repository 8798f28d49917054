import { readdir, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../../engine/errors.js";
import { looksLikeImage } from "../../images/formats.js";

export interface Input {
  /** As the user would write it. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

const byNumber = new Intl.Collator("en", { numeric: true });

/**
 * The files named, and all images below the folders named, in natural order (t2 before t10), each once. What lies in the output
 * folder, hidden files and files of other kinds are passed over.
 * @throws UserError for a path that does not exist or a folder without images
 */
export async function listInputs(wells: readonly string[], out: string): Promise<Input[]> {
  const found = new Map<string, Input>();
  for (const name of wells) {
    const info = await stat(name).catch(() => null);
    if (!info) throw new UserError(`${name}: there is no such file or folder`);
    const inputs = info.isDirectory() ? await below(name, resolve(out), []) : [{ name, path: resolve(name) }];
    if (inputs.length === 0)
      throw new UserError(`${name}: there are no images in this folder (.png, .jpg, .tif; subfolders included)`);
    for (const input of inputs) if (!found.has(input.path)) found.set(input.path, input);
  }
  return [...found.values()];
}

async function below(folder: string, out: string, trail: readonly string[]): Promise<Input[]> {
  const real = await realpath(folder);
  if (trail.includes(real)) throw new UserError(`${folder}: this link leads back to a folder above it; remove it`);
  const names = (await readdir(folder)).filter((name) => !name.startsWith(".")).sort(byNumber.compare);
  const inputs: Input[] = [];
  for (const entry of names) {
    const name = join(folder, entry);
    const path = resolve(name);
    if (path === out) continue;
    const info = await stat(name).catch(() => null);
    if (info?.isDirectory()) inputs.push(...(await below(name, out, [...trail, real])));
    // A link that leads nowhere is reported with the files that cannot be read.
    else if ((info === null || info.isFile()) && looksLikeImage(entry)) inputs.push({ name, path });
  }
  return inputs;
}
