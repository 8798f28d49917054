import * as z from "zod";
import { UserError } from "../engine/errors.js";
import type { ModelName } from "../models/catalogue.js";
import { parseSafetensors, type RawTensor } from "../models/safetensors.js";
import { defaults } from "./config/defaults.js";
import { isMapping, merge } from "./config/layers.js";
import { presets } from "./config/presets.js";
import { recipes } from "./config/recipes.js";
import { type Config, configSchema, type PresetName, type RecipeName } from "./config/schema.js";
import { checkTogether } from "./config/sizes.js";

/**
 * One file that classifies: the weights of a run carry in their `__metadata__` all that is needed to use them. Needs no Node: the
 * commands and the page read the same files.
 *
 * Keys: `model`, `classes` (JSON list of names, in the order of the outputs), `config` (JSON of the run's configuration, without
 * paths of the machine), and where the network was tested `test` (JSON: `images`, `balancedAccuracy`).
 */

/** How a network did on the test part of its run. */
export interface WeightsTest {
  readonly images: number;
  readonly balancedAccuracy: number | null;
}

/** What was read from a file of weights. */
export interface Weights {
  readonly tensors: Map<string, RawTensor>;
  readonly model: ModelName;
  readonly classes: readonly string[];
  readonly config: Config;
  readonly test: WeightsTest | null;
}

/** The run's `config.json` beside a file that does not carry it. */
export interface ConfigText {
  /** File name, for errors. */
  readonly name: string;
  readonly text: string;
}

const testSchema = z.object({ images: z.int().min(0), balancedAccuracy: z.number().nullable() });
/** Unknown options are those of a later version: what matters for classifying is checked all the same. */
const tolerantSchema = z.object(configSchema.shape);

/** The `__metadata__` of a network's weights. */
export function weightsMetadata(
  config: Config,
  classes: readonly string[],
  test: WeightsTest | null = null,
): Record<string, string> {
  const shared: Config = { ...config, data: { ...config.data, labels: null } };
  return {
    model: config.model,
    classes: JSON.stringify(classes),
    config: JSON.stringify(shared),
    ...(test && { test: JSON.stringify(test) }),
  };
}

/**
 * Reads a network's weights and what its metadata say about it.
 * @param source file name, for errors
 * @param beside the run's configuration, for files of version 0.1.0, which do not carry it
 * @throws UserError if the file is no safetensors, or does not say which network of which classes it holds
 */
export function readWeights(bytes: Uint8Array, source: string, beside?: ConfigText): Weights {
  const { tensors, metadata } = parseSafetensors(bytes, source);
  const classes = classesOf(metadata.classes, source);
  const config = configOf(metadata.config, source, beside);
  const test = testSchema.safeParse(json(metadata.test));
  return { tensors, model: config.model, classes, config, test: test.success ? test.data : null };
}

function classesOf(text: string | undefined, source: string): string[] {
  const parsed = z.array(z.string().min(1)).min(2).safeParse(json(text));
  if (parsed.success) return parsed.data;
  throw new UserError(
    `${source}: does not name its classes (metadata "classes"): take weights/student.safetensors of a run of equipoise`,
  );
}

function configOf(text: string | undefined, source: string, beside?: ConfigText): Config {
  const [name, given] = text === undefined ? [beside?.name ?? source, beside?.text] : [source, text];
  if (given === undefined)
    throw new UserError(
      `${source}: does not hold the configuration of its run (metadata "config"): choose the run's config.json together with it`,
    );
  const value = json(given);
  if (!isMapping(value)) throw new UserError(`${name}: the configuration is no JSON object; copy the file again`);
  const preset = presets[value.preset as PresetName]?.layer ?? {};
  const recipe = recipes[value.recipe as RecipeName] ?? recipes.paper;
  const parsed = tolerantSchema.safeParse(merge(defaults, recipe, preset, value));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(
      `${name}: option "${issue?.path.join(".")}" of the configuration: ${issue?.message}; was it written by another version of equipoise?`,
    );
  }
  checkTogether(parsed.data);
  return parsed.data;
}

function json(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
