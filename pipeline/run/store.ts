import type { TensorData } from "../../models/safetensors.js";

/** Files of a run, by their path in its folder: the same on a disk and in a page. */
export const runFiles = {
  config: "config.json",
  environment: "environment.json",
  /** Which kernel variants the run uses. */
  tuning: "tuning.json",
  metrics: "metrics.jsonl",
  log: "log.txt",
  result: "result.json",
  predictions: "predictions.csv",
  checkpoint: "checkpoint/checkpoint.safetensors",
  student: "weights/student.safetensors",
  teacher: "weights/teacher.safetensors",
} as const;

export type RunFile = (typeof runFiles)[keyof typeof runFiles];

/** Where a run keeps its files: a folder, or a page's database. */
export interface RunStore {
  /** What messages call a file. */
  nameOf(file: RunFile): string;
  /** Null where the file was not written yet. @throws UserError naming a file that cannot be read */
  read(file: RunFile): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * Writes a file so that a stop at any moment leaves the old or the new content, never a part.
   * @throws UserError naming the file
   */
  write(file: RunFile, content: string | Uint8Array): Promise<void>;
  /**
   * Opens a file of lines that grows.
   * @param keep bytes of what is there to keep, what follows is cut off; null: all
   * @throws UserError if it cannot be written, or is shorter than that
   */
  lines(file: RunFile, keep: number | null): RunLines;
  /** SHA-256 of texts and bytes, one after another, in hexadecimal. */
  sha256(parts: Iterable<string | TensorData>): Promise<string>;
}

/** A file of lines that grows. */
export interface RunLines {
  /** Its length. */
  readonly bytes: number;
  /** @throws UserError if it cannot be written */
  append(line: string): void;
  /** What was appended is kept, whatever happens next. */
  sync(): Promise<void>;
  close(): void;
}

export function writeJsonTo(store: RunStore, file: RunFile, value: unknown): Promise<void> {
  return store.write(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** What the system's codes of the most frequent failures mean. */
const causes: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "no permission",
  EPERM: "no permission",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is a file",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
};

/** What an error says. */
export function reason(error: unknown): string {
  const known = error instanceof Error && "code" in error ? causes[String(error.code)] : undefined;
  if (known !== undefined) return known;
  return error instanceof Error ? error.message : String(error);
}

/** What to do about a file that cannot be written, after its cause. */
export function writeRemedy(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT") return "free space";
  if (code === "ENOENT") return "was its folder moved or deleted? Put it back";
  return "make the folder writable";
}
