import { parseDocument } from "yaml";
import { UserError } from "../../engine/errors.js";
import { isMultiScale } from "../../models/catalogue.js";
import { checkLayer, nearestWord } from "./check.js";
import { defaultRecipe, defaults } from "./defaults.js";
import { isConfigFile, readConfigFile } from "./file.js";
import { type Layer, merge } from "./layers.js";
import { type LayerByPreset, namedConfigs } from "./named.js";
import { presets } from "./presets.js";
import { recipes } from "./recipes.js";
import type { Config, PresetName } from "./schema.js";
import { completeConfig } from "./stored.js";

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
  const given = merge(...asked(preset)) as Layer;
  const values = merge(defaults, recipes[recipe], presets[preset].layer, minimaOf(given), given) as Layer;
  return completeConfig(withPatch(values, presets[preset].patch), "configuration");
}

/** Lifts the recipe's least number of steps from phases whose epochs are given. */
function minimaOf(given: Layer): Layer {
  const phases = (["pretrain", "train", "finetune"] as const).filter((name) => given[name]?.epochs !== undefined);
  return Object.fromEntries(phases.map((name) => [name, { minSteps: null }]));
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
