/** What the plan of an experiment calls a run. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import * as z from "zod";
import { UserError } from "../../engine/errors.js";

/** The file beside the runs of an experiment that says what they are. */
export const experimentFile = "experiment.json";

/** Name of a run that comes from a plan with settings. */
export interface PlannedName {
  /** Configuration and setting: `ipb-vgg strict`. */
  label: string;
  /** Name of the plan. */
  plan: string;
}

/** `name` and what else is new was not written by earlier versions. */
const experimentSchema = z.object({
  name: z.string().optional(),
  runs: z.array(z.object({ id: z.string(), label: z.string() })),
});

/**
 * Reads what the experiment calls the run in this folder, from the file beside it; a run whose setting has left the plan keeps the name that its
 * folder has of it, so that it does not pass for the configuration itself.
 * @param config name of the run's configuration, which is its whole label in a plan without settings
 * @returns null for a run that no experiment made, or one of a plan without settings
 * @throws UserError naming a file that is not what an experiment writes
 */
export function readPlannedName(folder: string, config: string): PlannedName | null {
  const root = dirname(resolve(folder));
  const file = join(root, experimentFile);
  if (!existsSync(file)) return null;
  const { name, runs } = readExperiment(file);
  const own = basename(resolve(folder));
  const label = runs.find(({ id }) => id === own)?.label ?? labelOf(own, config);
  return label === undefined ? null : plannedName({ label, plan: name ?? basename(root) }, config);
}

/** The label out of the name of a folder, `ipb-vgg-strict-fold0-seed1`; undefined for a name that no experiment gives. */
function labelOf(id: string, config: string): string | undefined {
  const setting = /^(.+)-fold\d+-seed\d+$/.exec(id)?.[1];
  if (setting === config) return config;
  return setting?.startsWith(`${config}-`) ? `${config} ${setting.slice(config.length + 1)}` : undefined;
}

/**
 * Where each run of an experiment stands in its plan, by the names of their folders; empty where no experiment was made, or where its
 * file cannot be read, which `readPlannedName` tells.
 */
export function plannedOrder(root: string): Map<string, number> {
  const file = join(root, experimentFile);
  try {
    return new Map(existsSync(file) ? readExperiment(file).runs.map(({ id }, i) => [id, i]) : []);
  } catch {
    return new Map();
  }
}

/** The name, where it says more than the configuration. */
export function plannedName(name: PlannedName, config: string): PlannedName | null {
  return name.label === config ? null : name;
}

function readExperiment(file: string): z.infer<typeof experimentSchema> {
  const fix = 'run "equipoise experiment" with the plan again, it writes the file anew; or remove it';
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${(error as Error).message}); ${fix}`);
  }
  const parsed = experimentSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(
    `${file}: "${issue?.path.join(".")}" is not what an experiment writes (${issue?.message}); ${fix}`,
  );
}
