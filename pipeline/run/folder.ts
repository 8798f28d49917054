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
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../engine/errors.js";

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
  return {
    root,
    config: join(root, "config.json"),
    environment: join(root, "environment.json"),
    tuning: join(root, "tuning.json"),
    metrics: join(root, "metrics.jsonl"),
    log: join(root, "log.txt"),
    result: join(root, "result.json"),
    predictions: join(root, "predictions.csv"),
    checkpoint: join(root, "checkpoint", "checkpoint.safetensors"),
    student: join(root, "weights", "student.safetensors"),
    teacher: join(root, "weights", "teacher.safetensors"),
  };
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
  "is this the folder of a run? A run that was stopped in its first moments has none yet: remove the folder and start again";

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
    throw new UserError(`${file}: cannot be written (${reason(error)}): free space or choose another folder`);
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

/** A file of lines that grows, and is cut back to a checkpoint's length on resume. */
export class LineFile {
  private readonly handle: number;
  private length: number;

  /**
   * @param keep bytes of an existing file to keep; what follows is cut off
   * @throws UserError if it cannot be written, or is shorter than that
   */
  constructor(
    private readonly file: string,
    keep: number,
  ) {
    try {
      this.handle = openSync(file, "a");
    } catch (error) {
      throw new UserError(`${file}: cannot be written (${reason(error)}): make it writable`);
    }
    const { size } = fstatSync(this.handle);
    if (size < keep) {
      this.close();
      throw new UserError(
        `${file}: has ${size} bytes, but the checkpoint knows of ${keep}: restore the file, or start the run again`,
      );
    }
    ftruncateSync(this.handle, keep);
    this.length = keep;
  }

  get bytes(): number {
    return this.length;
  }

  append(line: string): void {
    try {
      this.length += writeSync(this.handle, `${line}\n`);
    } catch (error) {
      throw new UserError(`${this.file}: cannot be written (${reason(error)}): free space, then resume the run`);
    }
  }

  /** Brings what was written to the disk. */
  sync(): void {
    fsyncSync(this.handle);
  }

  close(): void {
    closeSync(this.handle);
  }
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
