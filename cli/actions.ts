import type { AdapterInfo } from "../engine/device.js";
import type { Config } from "../pipeline/config/schema.js";
import type { Evaluation } from "../pipeline/metrics.js";
import type { ProgressUpdate } from "./progress.js";

/** How long work talks to its user. */
export interface RunLog {
  info(text: string): void;
  warn(text: string): void;
  progress(update: ProgressUpdate): void;
  /** Asks before something costly; true where nobody can answer. */
  confirm(question: string): Promise<boolean>;
}

export interface TrainOptions {
  config: Config;
  /** Folder of images. */
  dataRoot: string;
  /** Empty folder for the run. */
  out: string;
  /** Part of the name of the adapter to use. */
  adapter?: string;
  /** Do not ask before a long run. */
  yes: boolean;
  log: RunLog;
  /** When aborted: write a checkpoint at the next step boundary and reject with the signal's reason. */
  signal: AbortSignal;
}

export type ResumeOptions = Omit<TrainOptions, "config" | "dataRoot" | "out">;

/** The content of a run's `result.json`. */
export interface RunResult {
  classes: string[];
  chance: number;
  majority: number | null;
  /** Null for the supervised method. */
  teacher: Evaluation | null;
  student: Evaluation;
  bestEpoch: number | null;
  finetuned: boolean;
  seconds: number;
}

/** What an evaluation of a finished run gives. */
export type EvaluationResult = Pick<RunResult, "classes" | "chance" | "majority" | "teacher" | "student">;

export interface AdapterDetails extends AdapterInfo {
  features: string[];
  maxStorageBufferBindingSize: number;
}

/** What the commands call: the rest of the project. Loaded when needed, so that `--help` is quick and needs no GPU. */
export interface Actions {
  diagnose(): Promise<{ ok: boolean; text: string; details: unknown }>;
  adapters(): Promise<AdapterDetails[]>;
  synthesise(out: string, options: SynthOptions): Promise<ImageSummary>;
  importFashionMnist(out: string, options: ImportOptions): Promise<ImageSummary>;
  trainRun(options: TrainOptions): Promise<RunResult>;
  resumeRun(run: string, options: ResumeOptions): Promise<RunResult>;
  evaluateRun(run: string, options: EvaluateOptions): Promise<EvaluationResult>;
  /** Resolves to the number of images predicted. */
  predictRun(run: string, images: string[], options: PredictOptions): Promise<number>;
  /** Resolves to the path of the HTML file. */
  writeReport(run: string, out?: string): Promise<string>;
}

/** A folder of images that was made; further facts are shown with `--json`. */
export interface ImageSummary {
  images: number;
  /** Images per class folder. */
  counts: Record<string, number>;
  /** Images per class folder of a second, untouched test set in the folder `test`. */
  testCounts?: Record<string, number>;
}

interface MakeOptions {
  onProgress(done: number, total: number): void;
  /** When aborted, nothing is kept. */
  signal: AbortSignal;
}

export interface SynthOptions extends MakeOptions {
  preset: "tiny" | "small" | "table1";
  seed: number;
}

export interface ImportOptions extends MakeOptions {
  shape: "stem-cell";
  /** Folder of the IDX files. */
  source?: string;
}

export interface EvaluateOptions {
  /** Another folder of labelled images than the run's test part. */
  data?: string;
  patches?: number;
  adapter?: string;
  log: RunLog;
}

export interface PredictOptions {
  out: string;
  patches?: number;
  adapter?: string;
  log: RunLog;
}
