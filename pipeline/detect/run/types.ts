import type { Bits16Rule } from "../../images/index.js";
import type { RunLog } from "../../run/types.js";
import type { DetectOptions } from "../options.js";

export interface DetectRunOptions {
  /** Folder to write to; it may hold the wells of earlier runs. */
  readonly out: string;
  readonly detect: DetectOptions;
  readonly bits16: Bits16Rule;
  /** Regular expression with the groups `well` and `time`; null: the default, after what the file says itself. */
  readonly pattern: string | null;
  /** Channel to use of files with several; null: the first, with a warning. */
  readonly channel: number | null;
  /** Also write every stage. */
  readonly intermediates: boolean;
  /** Part of the name of the adapter to use. */
  readonly adapter?: string;
  readonly log: RunLog;
  /** When aborted: finish the well at hand, write the table and reject with the signal's reason. */
  readonly signal: AbortSignal;
  /** The built worker.js, where it is not beside this module; null: everything in the main thread. */
  readonly workerFile?: URL | null;
}

export interface DetectFailure {
  readonly file: string;
  readonly message: string;
}

/** What a run did. An image is a page: a file of a series holds several. */
export interface DetectSummary {
  readonly out: string;
  readonly files: number;
  /** Images in which colonies were looked for. */
  readonly detected: number;
  /** Images that an earlier run had done, from the same file with the same options. */
  readonly unchanged: number;
  /** Colonies in the images of this run, unchanged ones included. */
  readonly colonies: number;
  /** Images without any colony. */
  readonly empty: number;
  /** Stems of earlier runs whose well and time this run did anew from other files. */
  readonly replaced: string[];
  readonly failures: DetectFailure[];
  readonly warnings: string[];
  /** Colonies and images that DIR now holds, this run and earlier ones. */
  readonly all: { readonly images: number; readonly colonies: number };
}
