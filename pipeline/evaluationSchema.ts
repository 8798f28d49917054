import * as z from "zod";
import type { Evaluation } from "./metrics.js";

const rate = z.number().nullable();

/** An evaluation as `result.json` of a run holds it; what cannot be computed is null. */
export const evaluationSchema: z.ZodType<Evaluation> = z.object({
  n: z.number(),
  loss: rate,
  accuracy: rate,
  balancedAccuracy: rate,
  macroF1: rate,
  confusion: z.array(z.array(z.number())),
  perClass: z.array(
    z.object({ class: z.string(), support: z.number(), recall: rate, precision: rate, f1: rate, auroc: rate }),
  ),
  auroc: rate,
});

/**
 * Name of the file in a run's folder with its figures on further images, written by experiments with `evaluate`: `data`
 * (the folder), and `classes`, `teacher` and `student` as in `result.json`.
 * @param name as the plan calls the images
 */
export function evaluationFile(name: string): string {
  return `evaluate-${name}.json`;
}
