import { UserError } from "../../../../engine/errors.js";
import { checkLayer } from "../../../../pipeline/config/check.js";
import { defaults } from "../../../../pipeline/config/defaults.js";
import { type Layer, merge } from "../../../../pipeline/config/layers.js";
import { namedConfigs } from "../../../../pipeline/config/named.js";
import { presets } from "../../../../pipeline/config/presets.js";
import { recipes } from "../../../../pipeline/config/recipes.js";
import type { Config } from "../../../../pipeline/config/schema.js";
import { completeConfig } from "../../../../pipeline/config/stored.js";
import { lengths, type TrainChoice } from "./choice.js";

/**
 * The configuration of a training in the page: preset tiny, recipe small-data, a small network, lengths in steps.
 * @throws UserError for options that do not fit together
 */
export function pageConfig({ method, network, length, more }: TrainChoice): Config {
  const name = method === "ipb" ? "ipb-vgg" : "vgg19";
  const steps = lengths[length];
  const values = merge(
    defaults,
    recipes["small-data"],
    presets.tiny.layer,
    { config: name, preset: "tiny", recipe: "small-data" },
    namedConfigs[name]?.layer("tiny") ?? {},
    {
      model: network,
      dropout: 0.2,
      patch: { size: 64, smallSize: null },
      // A benchmark split hides most labels of a set that has all of them.
      data: { folds: 5, labelledFraction: 0.25, testFraction: 0.2 },
      pretrain: { steps: method === "ipb" ? steps.pretrain : steps.pretrain + 5 * steps.train },
      train: { steps: steps.train, stepsPerEpoch: 20 },
      finetune: { steps: steps.finetune },
      checkpointMinutes: 0.5,
      logEvery: 2,
      cacheMegabytes: 64,
    },
    ...moreOptions(more),
  );
  return completeConfig(values, "configuration");
}

/** Lines `key=value` as layers; values are JSON, or texts. @throws UserError naming the line */
function moreOptions(text: string): Layer[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const at = line.indexOf("=");
      if (at < 1) throw new UserError(`option "${line}": expected key=value, such as patch.size=32`);
      const value = optionValue(line.slice(at + 1).trim());
      const path = line.slice(0, at).trim().split(".");
      const layer = path.reduceRight<unknown>((inner, part) => ({ [part]: inner }), value);
      return checkLayer(layer as Record<string, unknown>, () => `option "${line}"`);
    });
}

function optionValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
