import { createHash } from "node:crypto";
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../engine/errors.js";
import type { TensorData } from "../../models/safetensors.js";
import { type RunFile, type RunLines, type RunStore, reason, runFiles, writeRemedy } from "./store.js";

export { reason } from "./store.js";

/** Where the files of a run are. */
export interface RunPaths {
  readonly root: string;
  readonly config: string;
  readonly environment: string;
  /** Which kernel variants the run uses. */
  readonly tuning: string;
  readonly metrics: string;
  readonly log: string;
  readonly result: string;
  readonly predictions: string;
  readonly checkpoint: string;
  readonly student: string;
  readonly teacher: string;
}

export function runPaths(root: string): RunPaths {
  const entries = Object.entries(runFiles).map(([name, file]) => [name, join(root, ...file.split("/"))]);
  return { root, ...(Object.fromEntries(entries) as Record<keyof typeof runFiles, string>) };
}

/** Makes the folders of a run. @throws UserError naming the folder that cannot be made. */
export async function makeRunFolders(paths: RunPaths): Promise<void> {
  for (const folder of [join(paths.root, "weights"), join(paths.root, "checkpoint")]) {
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw new UserError(`${folder}: cannot be made (${reason(error)}): choose another --out folder`);
    });
  }
}

/** What to tell about a folder that lacks the files every run begins with. */
export const noRun =
  "is this the folder of a run? A run that was stopped in its first moments has none yet: start it again in another folder";

/** Writes a file so that a kill at any moment leaves the old or the new content, never a part. */
export function writeAtomic(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.part`;
  try {
    const handle = openSync(temporary, "w");
    try {
      writeFileSync(handle, content);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new UserError(
      `${file}: cannot be written (${reason(error)}): ${writeRemedy(error)}, or choose another folder`,
    );
  }
}

export function writeJson(file: string, value: unknown): void {
  writeAtomic(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** @throws UserError naming the file if it is missing or no JSON. */
export function readJson(file: string, what: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${reason(error)}): ${what}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${file}: is not valid JSON (${reason(error)}): ${what}`);
  }
}

/** A run in a folder. Its folders are there: see {@link makeRunFolders}. */
export class FolderStore implements RunStore {
  private readonly root: string;

  constructor({ root }: RunPaths) {
    this.root = root;
  }

  nameOf(file: RunFile): string {
    return join(this.root, ...file.split("/"));
  }

  async read(file: RunFile): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      return await readFile(this.nameOf(file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw new UserError(`${this.nameOf(file)}: cannot be read (${reason(error)}): make it readable`);
    }
  }

  async write(file: RunFile, content: string | Uint8Array): Promise<void> {
    writeAtomic(this.nameOf(file), content);
  }

  lines(file: RunFile, keep: number | null): RunLines {
    return new LineFile(this.nameOf(file), keep);
  }

  async sha256(parts: Iterable<string | TensorData>): Promise<string> {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return hash.digest("hex");
  }
}

/** A file of lines that grows, and is cut back to a checkpoint's length on resume. */
class LineFile implements RunLines {
  private readonly handle: number;
  private length: number;

  /**
   * @param keep bytes of an existing file to keep, what follows is cut off; null: all
   * @throws UserError if it cannot be written, or is shorter than that
   */
  constructor(
    private readonly file: string,
    keep: number | null,
  ) {
    try {
      this.handle = openSync(file, "a");
    } catch (error) {
      throw new UserError(`${file}: cannot be written (${reason(error)}): make it writable`);
    }
    const { size } = fstatSync(this.handle);
    this.length = keep ?? size;
    if (keep === null) return;
    if (size < keep) {
      this.close();
      throw new UserError(
        `${file}: has ${size} bytes, but the checkpoint knows of ${keep}: restore the file, or start the run again`,
      );
    }
    ftruncateSync(this.handle, keep);
  }

  get bytes(): number {
    return this.length;
  }

  append(line: string): void {
    try {
      this.length += writeSync(this.handle, `${line}\n`);
    } catch (error) {
      throw new UserError(
        `${this.file}: cannot be written (${reason(error)}): ${writeRemedy(error)}, then resume the run`,
      );
    }
  }

  /** Brings what was written to the disk. */
  async sync(): Promise<void> {
    fsyncSync(this.handle);
  }

  close(): void {
    closeSync(this.handle);
  }
}
