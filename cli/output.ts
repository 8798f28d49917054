import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../engine/errors.js";
import { runPaths } from "../pipeline/run/folder.js";
import { runLockName } from "../pipeline/run/lock.js";

/** `runs/<config>-<year><month><day>-<hour><minute><second>`, local time. */
export function defaultRunFolder(config: string, at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  const time = `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
  return join("runs", `${config.replace(/[^\w.-]+/g, "_")}-${day}-${time}`);
}

/**
 * Makes the folder of a new run.
 * @param resume the command that continues a run in this folder
 * @throws UserError when it has content, or cannot be made or written
 */
export function makeRunFolder(folder: string, resume: string): void {
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory())
      throw new UserError(`--out ${folder}: is a file; give the path of a new folder`);
    if (readdirSync(folder).some((name) => name !== runLockName)) {
      const run = existsSync(runPaths(folder).config);
      throw new UserError(
        `--out ${folder}: the folder is not empty; ${run ? `continue its run with "${resume}", or ` : ""}choose another --out`,
      );
    }
  }
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new UserError(`--out ${folder}: ${reason(error as NodeJS.ErrnoException, folder)}; choose another --out`);
  }
}

/** Takes a run's folder away again if nothing was written into it. */
export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It has content, which is to be kept.
  }
}

function reason(error: NodeJS.ErrnoException, folder: string): string {
  const parent = dirname(resolve(folder));
  switch (error.code) {
    case "EACCES":
    case "EPERM":
      return `no permission to write to ${parent}`;
    case "EROFS":
      return `${parent} is on a read-only file system`;
    case "ENOTDIR":
    case "EEXIST":
      return "a part of the path is a file";
    case "ENOSPC":
      return "the disk is full";
    default:
      return `cannot be written (${error.message})`;
  }
}
