import { UserError } from "../../engine/errors.js";
import { checkLayer } from "./check.js";
import { defaults } from "./defaults.js";
import { isMapping, type Layer, merge } from "./layers.js";
import { type Config, configSchema } from "./schema.js";
import { checkTogether } from "./sizes.js";

/** Options that runs of version 0.1.0 do not have, and what they did. */
const addedSince: Layer = {
  featureSize: 128,
  memory: { recompute: false },
  keep: "best",
  align: false,
  contrastive: { ...defaults.contrastive, epochs: 0 },
  clustering: { ...defaults.clustering },
  simtriplet: { ...defaults.simtriplet },
  fixmatch: { ...defaults.fixmatch },
  imbalance: { ...defaults.imbalance },
  data: { unlabelledFrom: "U" },
  pretrain: { steps: null, minSteps: null, stepsPerEpoch: null },
  train: { steps: null, minSteps: null },
  finetune: { steps: null, minSteps: null, stepsPerEpoch: null },
};

/**
 * Checks a complete configuration, such as the `config.json` of a run folder.
 * @param source the file, for messages
 * @throws UserError for unknown, missing or wrong options
 */
export function parseConfig(value: unknown, source: string): Config {
  if (!isMapping(value))
    throw new UserError(`${source}: expected the options of a run, found ${JSON.stringify(value)}`);
  const given = checkLayer(value, () => source);
  return completeConfig(merge(addedSince, given) as Layer, source);
}

/**
 * A configuration from the values of all its options.
 * @throws UserError naming the option that is missing, or what does not fit together
 */
export function completeConfig(values: Layer, source: string): Config {
  const parsed = configSchema.safeParse(values);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join(".");
    throw new UserError(`${source}: option "${path}" is missing; was it written by another version of equipoise?`);
  }
  checkTogether(parsed.data);
  return parsed.data;
}
