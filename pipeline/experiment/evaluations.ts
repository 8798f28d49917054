import { existsSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { UserError } from "../../engine/errors.js";
import { evaluationFile, evaluationSchema } from "../evaluationSchema.js";
import { readJson, writeJson } from "../run/folder.js";
import type { TestedNetworks } from "../run/testNetworks.js";
import type { EvaluateOptions, EvaluationResult } from "../run/types.js";
import type { PlannedEvaluation } from "./plan.js";

const fileSchema = z.object({
  data: z.string(),
  teacher: evaluationSchema.nullable(),
  student: evaluationSchema,
  // Files of earlier versions do not have it.
  ensemble: evaluationSchema.nullable().default(null),
});

/** Tests a finished run; another in tests. */
export type Evaluate = (run: string, options: EvaluateOptions) => Promise<EvaluationResult>;

/**
 * The evaluations of a run that there are, by name. One that was made on images of another folder than the plan's does not
 * count: it will be made again.
 * @throws UserError naming a file that is not what an experiment writes
 */
export function readEvaluations(run: string, planned: readonly PlannedEvaluation[]): Map<string, TestedNetworks> {
  const found = new Map<string, TestedNetworks>();
  for (const { name, data } of planned) {
    const file = join(run, evaluationFile(name));
    if (!existsSync(file)) continue;
    const parsed = fileSchema.safeParse(readJson(file, "remove it: it will be made again"));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new UserError(
        `${file}: "${issue?.path.join(".")}" is not what an experiment writes (${issue?.message}): remove it, it will be made again`,
      );
    }
    const { data: images, ...tested } = parsed.data;
    if (images === data) found.set(name, tested);
  }
  return found;
}

/**
 * Makes the evaluations of a finished run that are not there yet, and writes each into the run's folder.
 * @throws UserError when images do not fit the run; the signal's reason when aborted
 */
export async function makeEvaluations(
  run: string,
  planned: readonly PlannedEvaluation[],
  evaluate: Evaluate,
  { log, ...options }: Omit<EvaluateOptions, "data" | "patches">,
): Promise<void> {
  const there = readEvaluations(run, planned);
  for (const { name, data } of planned) {
    if (there.has(name)) continue;
    options.signal?.throwIfAborted();
    const progress: typeof log.progress = (update) => log.progress({ ...update, label: `${update.label} on ${name}` });
    const result = await evaluate(run, { ...options, data, log: { ...log, progress } });
    writeJson(join(run, evaluationFile(name)), { data, ...result });
  }
}
