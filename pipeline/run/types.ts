import type { Config } from "../config/schema.js";
import type { TestedNetworks } from "./testNetworks.js";

/** Where a run takes its kernels from: the defaults, what was tuned before, or a tuning first of what is still unknown. */
export type TuneMode = "off" | "cached" | "full";

/** Where a piece of work stands; a new label starts a new measurement of time. */
export interface RunProgress {
  label: string;
  done: number;
  total: number;
  /** Something to show behind it, such as the loss. */
  note?: string | undefined;
}

/** How long work talks to its user. */
export interface RunLog {
  info(text: string): void;
  warn(text: string): void;
  progress(update: RunProgress): void;
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
  /** Where the choice of kernels comes from. Default `cached`: what was tuned before on this adapter, else the defaults. */
  tune?: TuneMode;
  /** Do not ask before a long run. */
  yes: boolean;
  log: RunLog;
  /** When aborted: write a checkpoint at the next step boundary and reject with the signal's reason. */
  signal: AbortSignal;
}

/** A resumed run keeps the choice of kernels that it began with. */
export type ResumeOptions = Omit<TrainOptions, "config" | "dataRoot" | "out" | "tune">;

/** What was added to the logits to align a run's networks with the class proportions of L, per class; null: nothing. */
export interface Alignment {
  student: number[] | null;
  teacher: number[] | null;
}

/** The content of a run's `result.json`. */
export interface RunResult extends TestedNetworks {
  classes: string[];
  chance: number;
  majority: number | null;
  /** Only where alignment was asked for. */
  alignment?: Alignment;
  /** The epoch whose student is tested, from 0. */
  bestEpoch: number | null;
  finetuned: boolean;
  seconds: number;
}

/** What an evaluation of a finished run gives. */
export type EvaluationResult = TestedNetworks & Pick<RunResult, "classes" | "chance" | "majority">;

export interface EvaluateOptions {
  /** Another folder of labelled images than the run's test part. */
  data?: string;
  patches?: number;
  adapter?: string;
  log: RunLog;
  /** When aborted: reject with its reason between two passes. */
  signal?: AbortSignal;
}

/** Whose answer: one network's, or the mean of both. */
export type AnswerChoice = keyof TestedNetworks;

export interface PredictOptions {
  /** Whose answer is written. Default: the student's. */
  network?: AnswerChoice;
  /** CSV file to write. */
  out: string;
  patches?: number;
  /** CSV file with what is known about wells: well,condition,... */
  plate?: string;
  /** HTML file with the most uncertain images. */
  gallery?: string;
  /** Images in it at most. */
  gallerySize?: number;
  adapter?: string;
  log: RunLog;
}

export type { PhaseName } from "../methods.js";
