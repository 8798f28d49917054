import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Config } from "../../../pipeline/config/schema.js";
import { type RunResult, resumeRun, trainRun } from "../../../pipeline/run/index.js";
import type { RunProgress } from "../../../pipeline/run/types.js";
import { KeptLog, metricsOf, weightsOf } from "./support.js";

/** Progress of training steps, not of checks, labelling, compiling or tests. */
const training = /^(contrastive|pre-training|training|fine-tuning)/;

/** Trains on a folder of images, or resumes what was begun, until `stop` says so. @returns the result, or null after a stop */
export async function runUntil(
  dataRoot: string,
  out: string,
  config: Config,
  stop: (update: RunProgress) => boolean = () => false,
): Promise<RunResult | null> {
  const controller = new AbortController();
  const log = new KeptLog((update) => {
    if (stop(update)) controller.abort();
  });
  const options = { yes: false, log, signal: controller.signal };
  const run = existsSync(join(out, "config.json"))
    ? resumeRun(out, options)
    : trainRun({ ...options, config, dataRoot, out });
  return run.catch((error: Error) => {
    if (error.name !== "AbortError") throw error;
    return null;
  });
}

/**
 * A run that is stopped after every step ends as the whole one in `out` did: metrics and weights.
 * @param steps of all phases together, or of those whose progress `within` fits
 */
export async function expectResumes(
  dataRoot: string,
  out: string,
  config: Config,
  steps: number,
  roles: readonly string[] = ["student"],
  within = training,
): Promise<void> {
  const again = `${out}-steps`;
  let stops = 0;
  while (stops <= steps && !(await runUntil(dataRoot, again, config, ({ label }) => within.test(label)))) stops++;
  expect(stops).toBe(steps);
  expect(metricsOf(again)).toEqual(metricsOf(out));
  expect(weightsOf(again, roles)).toEqual(weightsOf(out, roles));
}
