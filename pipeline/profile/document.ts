import { readFileSync } from "node:fs";
import * as z from "zod";
import { UserError } from "../../engine/errors.js";
import type { AdapterInfo } from "../../engine/index.js";
import type { ProfileRow, Timing } from "../../engine/profile/index.js";
import { reason } from "../run/folder.js";
import type { StepKind } from "./stepKind.js";

/** What a profile says, as `profile --json` prints it and `profile compare` reads it. */
export interface ProfileDocument {
  readonly format: "equipoise-profile";
  readonly version: 1;
  readonly equipoise: string;
  readonly created: string;
  readonly adapter: AdapterInfo & { readonly workFor: "cpu" | "gpu"; readonly subgroups: boolean };
  readonly subject: {
    readonly step: StepKind;
    readonly model: string;
    readonly width: number;
    /** Side of a patch, px. */
    readonly input: number;
    readonly batch: number;
    readonly classes: number;
  };
  readonly timing: Timing;
  /** Smallest step of the GPU's clock, ns; 0 with host timing. */
  readonly quantumNs: number;
  /** Measured peaks: GFLOP/s of multiply-adds, GB/s of a copy, and how they were reached. */
  readonly roofline: {
    readonly gflops: number;
    readonly gbps: number;
    readonly gflopsBy: string;
    readonly gbpsBy: string;
  };
  /** Times of a step, ms; medians over `repeats`. */
  readonly times: {
    readonly repeats: number;
    /** Without the profiler, until the GPU is done: captured where that is possible, else eager. Best and median. */
    readonly unprofiledBestMs: number;
    readonly unprofiledMs: number;
    /** Run eagerly, op by op, and of that the host's time until everything was recorded and submitted. */
    readonly eagerMs: number;
    readonly eagerHostMs: number;
    /** Replayed as a captured step, as training does; null: the step cannot be captured. */
    readonly capturedMs: number | null;
    readonly capturedHostMs: number | null;
    /** With the profiler: of the captured step where there is one. */
    readonly profiledMs: number;
    /** From the first dispatch's begin to the last one's end, and the sum of all dispatches. */
    readonly gpuSpanMs: number;
    readonly gpuSumMs: number;
  };
  readonly dispatches: number;
  readonly submits: number;
  /** Most bytes of tensors at one time in a step. */
  readonly peakBytes: number;
  readonly totals: {
    /** Of convolutions and products, with logical and with padded channels. */
    readonly matrixFlops: number;
    readonly paddedMatrixFlops: number;
    readonly bytes: number;
    readonly recoverableMs: number;
  };
  readonly warnings: readonly string[];
  readonly rows: readonly ProfileRow[];
}

const known = z.looseObject({
  format: z.literal("equipoise-profile"),
  version: z.literal(1),
  adapter: z.looseObject({ vendor: z.string(), device: z.string(), description: z.string() }),
  subject: z.looseObject({ step: z.string(), model: z.string(), input: z.number(), batch: z.number() }),
  times: z.looseObject({ unprofiledMs: z.number() }),
  rows: z.array(z.looseObject({ kernel: z.string(), shape: z.string(), totalMs: z.number(), calls: z.number() })),
});

/** Reads a profile. @throws UserError naming the file and what is wrong with it */
export function readProfile(file: string): ProfileDocument {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${reason(error)}); make it by "equipoise profile --json > ${file}"`);
  }
  const parsed = known.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UserError(
      `${file}: is no profile of this version (${issue?.path.join(".") || "top level"}: ${issue?.message}); ` +
        `make it by "equipoise profile --json > ${file}"`,
    );
  }
  return value as ProfileDocument;
}
