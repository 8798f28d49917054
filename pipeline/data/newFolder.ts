import { mkdir, mkdtemp, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../../engine/errors.js";

/** True for a folder that exists and is empty. @throws UserError for anything else that exists */
async function isEmptyFolder(path: string): Promise<boolean> {
  try {
    if ((await readdir(path)).length === 0) return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    throw new UserError(`${path}: cannot be used as the output folder (${code}); choose another`);
  }
  throw new UserError(`${path}: the output folder is not empty; choose a new one, or remove it first`);
}

/**
 * Makes a folder all or nothing: `fill` writes into a temporary folder beside it, which is renamed at the end and removed when
 * `fill` fails.
 *
 * @param out folder to make; an empty one may exist
 * @throws UserError when `out` holds files or cannot be written; whatever `fill` throws
 */
export async function makeFolder<T>(out: string, fill: (folder: string) => Promise<T>): Promise<T> {
  const target = resolve(out);
  await isEmptyFolder(target);
  let temporary: string;
  try {
    await mkdir(dirname(target), { recursive: true });
    temporary = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      `${target}: cannot be written (${code}); choose another folder or change the permissions of ${dirname(target)}`,
    );
  }
  try {
    const folder = join(temporary, basename(target));
    await mkdir(folder);
    const result = await fill(folder);
    if (await isEmptyFolder(target)) await rmdir(target);
    await rename(folder, target);
    return result;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
