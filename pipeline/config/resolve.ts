import { parseDocument } from "yaml";
import { UserError } from "../../engine/errors.js";
import { isMultiScale } from "../../models/catalogue.js";
import { checkLayer, nearestWord } from "./check.js";
import { defaultRecipe, defaults } from "./defaults.js";
import { isConfigFile, readConfigFile } from "./file.js";
import { isMapping, type Layer, merge } from "./layers.js";
import { type LayerByPreset, namedConfigs } from "./named.js";
import { presets } from "./presets.js";
import { recipes } from "./recipes.js";
import { type Config, configSchema, type PresetName } from "./schema.js";
import { checkTogether } from "./sizes.js";

/** What the user asked for; everything is optional. */
export interface ConfigRequest {
  /** Name of a configuration, or path of a YAML file. Default: `ipb-vgg`. */
  config?: string | undefined;
  preset?: string | undefined;
  recipe?: string | undefined;
  seed?: number | undefined;
  /** Fold that is the test part, 0 to folds - 1. */
  fold?: number | undefined;
  /** `key=value` texts, values in YAML: `meta.threshold=0.9`. */
  set?: readonly string[] | undefined;
}

/**
 * The configuration of a run. Later sources win: defaults, recipe, preset, named configuration, YAML files (the extended
 * one first), flags, `set`. A file may choose the preset and the recipe as well; flags win over it.
 * @throws UserError naming the source, the key and the value, for anything that is not legal
 */
export function resolveConfig(request: ConfigRequest = {}): Config {
  const sources = configLayers(request.config ?? "ipb-vgg");
  const flags = [...flagLayers(request), ...(request.set ?? []).map(setLayer)];
  const asked = (preset: PresetName) => [...sources.map((layer) => layer(preset)), ...flags];
  // Named configurations follow the preset, but none of them sets it.
  const { preset = "small", recipe = defaultRecipe } = merge(defaults, ...asked("small")) as Layer;
  const values = merge(defaults, recipes[recipe], presets[preset].layer, ...asked(preset));
  return finish(withPatch(values as Layer, presets[preset].patch), "configuration");
}

/** Options that runs of version 0.1.0 do not have, and what they did. */
const addedSince: Layer = {
  featureSize: 128,
  memory: { recompute: false },
  contrastive: { ...defaults.contrastive, epochs: 0 },
  clustering: { ...defaults.clustering },
  simtriplet: { ...defaults.simtriplet },
  fixmatch: { ...defaults.fixmatch },
  imbalance: { ...defaults.imbalance },
  data: { unlabelledFrom: "U" },
  pretrain: { steps: null, stepsPerEpoch: null },
  train: { steps: null },
  finetune: { steps: null, stepsPerEpoch: null },
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
  return finish(merge(addedSince, given) as Layer, source);
}

function finish(values: Layer, source: string): Config {
  const parsed = configSchema.safeParse(values);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join(".");
    throw new UserError(`${source}: option "${path}" is missing; was it written by another version of equipoise?`);
  }
  checkTogether(parsed.data);
  return parsed.data;
}

/** The layers of a named configuration or of a file and what it extends, base first. */
function configLayers(name: string, via: readonly string[] = []): LayerByPreset[] {
  if (via.includes(name))
    throw new UserError(`${name}: "extends" goes round in a circle: ${[...via, name].join(" -> ")}`);
  if (isConfigFile(name)) {
    const file = readConfigFile(name);
    const base = file.extends === null ? [] : configLayers(file.extends, [...via, name]);
    return [...base, () => file.layer];
  }
  const known = Object.hasOwn(namedConfigs, name) ? namedConfigs[name] : undefined;
  if (known === undefined) {
    const all = Object.keys(namedConfigs);
    const from = via.length > 0 ? `${via.at(-1)}: ` : "";
    const choice = `did you mean "${nearestWord(name, all)}"? There are ${all.join(", ")}, or the path of a .yaml file`;
    throw new UserError(`${from}unknown configuration "${name}"; ${choice}`);
  }
  return [(preset) => ({ config: name, ...known.layer(preset) })];
}

function flagLayers({ preset, recipe, seed, fold }: ConfigRequest): Layer[] {
  const flags = { preset, recipe, seed, fold };
  return Object.entries(flags).flatMap(([flag, value]) => {
    if (value === undefined) return [];
    return [checkLayer(flag === "fold" ? { data: { fold: value } } : { [flag]: value }, () => `--${flag}`)];
  });
}

/** One `key=value` of the command line as a layer. */
function setLayer(text: string): Layer {
  const at = text.indexOf("=");
  const key = text.slice(0, at).trim();
  if (at < 1 || key === "") throw new UserError(`--set ${text}: expected key=value, such as --set meta.threshold=0.9`);
  const document = parseDocument(text.slice(at + 1));
  if (document.errors[0] !== undefined) {
    throw new UserError(`--set ${text}: the value is not valid YAML: ${document.errors[0].message.split("\n")[0]}`);
  }
  const value: unknown = document.toJS();
  const values = key.split(".").reduceRight((inner: unknown, part) => ({ [part]: inner }), value) as Record<
    string,
    unknown
  >;
  return checkLayer(values, () => `--set ${text}`);
}

/** Fills in the patch sizes that nobody set: the preset's for the model's number of scales, the small scale half the big. */
function withPatch(values: Layer, sizes: { single: number; multi: number }): Layer {
  const multi = isMultiScale(values.model ?? "vgg19");
  const given = values.patch ?? {};
  const fromSmall = multi && typeof given.smallSize === "number" ? 2 * given.smallSize : undefined;
  const size = given.size ?? fromSmall ?? (multi ? sizes.multi : sizes.single);
  const smallSize = given.smallSize ?? (multi ? Math.ceil(size / 2) : null);
  return { ...values, patch: { ...given, size, smallSize } };
}
