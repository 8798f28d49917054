/** The output folder: refused when it holds anything, filled under another name and renamed when complete. */
import { mkdirSync, readdirSync, realpathSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../../engine/errors.js";
import { MULTI_LABEL, SYNTH_CLASSES } from "./parameters.js";
import type { SynthJob, SynthRecord } from "./render.js";

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;

const REASONS: Record<string, string> = {
  EACCES: "permission denied; choose a folder you may write to",
  EPERM: "permission denied; choose a folder you may write to",
  EROFS: "the file system is read-only; choose another place",
  ENOSPC: "the disk is full; free some space or choose a smaller preset",
  EDQUOT: "the disk quota is used up; free some space or choose a smaller preset",
  ENOTDIR: "a part of the path is a file; choose another place",
  ENOENT: "the system allows no folder there; choose another place",
  EEXIST: "a part of the path is a file; choose another place",
};

/** Says in the user's words why nothing could be written to `out`; errors that are not the file system's pass unchanged. */
export function asWriteError(out: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined || error instanceof UserError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new UserError(`synth: cannot write to ${out}: ${REASONS[code] ?? "check the path and try again"} (${detail})`);
}

/** @throws UserError when `out` is a file or a folder that is not empty. @returns its real path, existing or not */
function checkOut(out: string): string {
  const path = resolve(out);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return path;
  if (!found.isDirectory()) throw new UserError(`synth: ${out} is a file; give a new or an empty folder`);
  const entries = readdirSync(path);
  if (entries.length > 0) {
    throw new UserError(
      `synth: ${out} is not empty (it holds ${entries.length} entries, ${JSON.stringify(entries[0])} among them); give a new or an empty folder`,
    );
  }
  return realpathSync(path);
}

/** A folder being filled. Exactly one of `commit` and `discard` ends it. */
export interface PendingFolder {
  /** Where to write meanwhile. */
  readonly folder: string;
  commit(): void;
  discard(): void;
}

/** `mkdir -p`, one level at a time: Node's own recursive form never returns where the system refuses with ENOENT (/proc). */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

/** Checks `out` and makes the folders of all classes in a sibling of it. @throws UserError, see `checkOut`, or when it cannot be made */
export function openFolder(out: string): PendingFolder {
  let folder: string | undefined;
  try {
    const path = checkOut(out);
    folder = join(dirname(path), `${basename(path)}.partial-${process.pid}`);
    rmSync(folder, { recursive: true, force: true });
    for (const kind of ["images", "masks"]) {
      for (const name of [...SYNTH_CLASSES, MULTI_LABEL]) makeFolder(join(folder, kind, name));
    }
    return pending(folder, path);
  } catch (error) {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    throw asWriteError(out, error);
  }
}

function pending(folder: string, path: string): PendingFolder {
  return {
    folder,
    commit() {
      if (statSync(path, { throwIfNoEntry: false }) !== undefined) rmdirSync(path);
      renameSync(folder, path);
    },
    discard: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Writes `synth.json`: seed, version and parameters, then one line per image. */
export function writeTruth(job: SynthJob, counts: Record<string, number>, records: readonly SynthRecord[]): void {
  const { preset, seed, parameters } = job;
  const head = { generator: "equipoise synth", version: parameters.version, preset, seed, counts, parameters };
  const images = records.map((record) => `    ${JSON.stringify(record)}`).join(",\n");
  const opening = JSON.stringify(head, null, 2).replace(/\n\}$/, "");
  writeFileSync(join(job.folder, "synth.json"), `${opening},\n  "images": [\n${images}\n  ]\n}\n`);
}
