import type { RunResult } from "../../../../pipeline/run/types.js";
import type { TrainImage } from "./images.js";

/** What a run learns from. */
export interface RunFacts {
  readonly method: string;
  readonly model: string;
  readonly classes: readonly string[];
  readonly parts: { readonly L: number; readonly validation: number; readonly U: number; readonly T: number };
  readonly batch: number;
}

/** Where the training stands. */
export interface TrainStatus {
  readonly state: "none" | "running" | "pausing" | "paused" | "recovering" | "done" | "failed";
  /** Why it failed, or what happens. */
  readonly message: string;
  readonly run: RunFacts | null;
  readonly result: RunResult | null;
}

/** What the page is told while a training runs. */
export type TrainEvent =
  | { readonly kind: "status"; readonly status: TrainStatus }
  /** Lines of metrics; `again`: the first ones, those before are void. */
  | { readonly kind: "metrics"; readonly lines: readonly string[]; readonly again: boolean }
  /** `at`: when, ms by the worker's clock. */
  | {
      readonly kind: "progress";
      readonly label: string;
      readonly done: number;
      readonly total: number;
      readonly at: number;
    }
  | { readonly kind: "log"; readonly text: string; readonly warning: boolean };

/** What was labelled so far: kept in the browser. */
export interface Session {
  readonly images: readonly TrainImage[];
  readonly classes: readonly string[];
  readonly labels: readonly (string | null)[];
}
