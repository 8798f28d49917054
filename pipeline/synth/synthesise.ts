/** `equipoise synth`: a synthetic set of phase-contrast colonies on disk. See docs/synth.md. */
import { UserError } from "../../engine/errors.js";
import { type SynthFolder, type SynthParameters, type SynthPresetName, synthParameters } from "./parameters.js";
import { presetCounts } from "./plan.js";
import { renderPlan } from "./pool.js";
import { planJob, type SynthJob } from "./render.js";
import { asWriteError, openFolder, writeTruth } from "./write.js";

export interface SynthOptions {
  readonly preset: SynthPresetName;
  /** Integer from 0 to 2^53 - 1. */
  readonly seed: number;
  /** Called after every few images. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Worker threads; 0 keeps to this thread. Default: one per processor, up to 8. The files are the same. */
  readonly workers?: number;
  /** The bundled `worker.ts`, when it is not where the build puts it. */
  readonly workerFile?: string;
  /** Stops early and leaves nothing behind. */
  readonly signal?: AbortSignal;
  /** Other than the frozen parameters; for studies. */
  readonly parameters?: SynthParameters;
}

export interface SynthSummary {
  readonly out: string;
  readonly preset: SynthPresetName;
  readonly seed: number;
  /** Version of the parameters. */
  readonly version: number;
  readonly images: number;
  readonly counts: Record<SynthFolder, number>;
  /** Size of all PNG files. */
  readonly bytes: number;
  readonly seconds: number;
  readonly workers: number;
}

function checkOptions(parameters: SynthParameters, { preset, seed }: SynthOptions): void {
  const presets = Object.keys(parameters.presets);
  if (!presets.includes(preset)) {
    throw new UserError(`synth: preset is ${JSON.stringify(preset)}; choose one of ${presets.join(", ")}`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new UserError(`synth: seed is ${seed}; give an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
}

/**
 * Writes a synthetic set: `OUT/images/<Class>/<Class>_<0001>.png`, the mask of the same name under `OUT/masks`, and
 * `OUT/synth.json`. The folder appears complete or not at all, and the same seed gives the same bytes.
 *
 * @param out a new or empty folder
 * @throws UserError for an unknown preset, a bad seed, a folder that is not empty or cannot be written
 */
export async function synthesise(out: string, options: SynthOptions): Promise<SynthSummary> {
  const parameters = options.parameters ?? synthParameters;
  checkOptions(parameters, options);
  const { preset, seed, onProgress } = options;
  const start = performance.now();
  const target = openFolder(out);
  try {
    const job: SynthJob = { preset, seed, parameters, folder: target.folder };
    const plan = planJob(job);
    const counts = presetCounts(parameters, preset);
    let done = 0;
    const rendered = await renderPlan(job, plan, {
      ...options,
      onDone(images) {
        done += images;
        onProgress?.(done, plan.length);
      },
    });
    writeTruth(job, counts, rendered.records);
    target.commit();
    const seconds = (performance.now() - start) / 1000;
    const { bytes, workers } = rendered;
    return { out, preset, seed, version: parameters.version, images: plan.length, counts, bytes, seconds, workers };
  } catch (error) {
    target.discard();
    throw asWriteError(out, error);
  }
}
