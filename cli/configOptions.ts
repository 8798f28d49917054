import { type Command, Option } from "commander";
import { defaultRecipe } from "../pipeline/config/defaults.js";
import { type ConfigRequest, resolveConfig } from "../pipeline/config/resolve.js";
import { type Config, presetNames, recipeNames } from "../pipeline/config/schema.js";
import { collect, given, wholeNumber } from "./options.js";

/** The flags that choose a configuration, for the commands that take one. */
export function withConfigOptions(command: Command): Command {
  return command
    .option("--config <name>", 'named configuration, or a YAML file; see "configs"', "ipb-vgg")
    .addOption(presetOption("small"))
    .addOption(recipeOption(defaultRecipe))
    .option("--fold <n>", "fold that is the test part, from 0", wholeNumber(0))
    .option("--seed <n>", "seed of every random choice", wholeNumber(0))
    .option("--set <key=value>", "set any option, such as meta.threshold=0.8 (repeatable)", collect);
}

/** @param otherwise what is taken without it */
export function presetOption(otherwise: string): Option {
  return new Option("--preset <size>", `size of network and run (default: ${otherwise})`).choices(presetNames);
}

/** @param otherwise what is taken without it */
export function recipeOption(otherwise: string): Option {
  return new Option("--recipe <name>", `details of the method (default: ${otherwise})`).choices(recipeNames);
}

/** Flags of {@link withStepOptions}. */
export interface StepOptions extends ConfigRequest {
  model?: string;
  input?: number;
  batch?: number;
  classes: number;
}

/** The flags of commands that look at a training step, where no images say what it is made of. */
export function withStepOptions(command: Command): Command {
  return withConfigOptions(command)
    .option("--model <name>", "network, instead of the configuration's")
    .option("--input <px>", "side of a patch, instead of the configuration's", wholeNumber(1))
    .option("--batch <n>", "labelled patches per step, instead of the configuration's", wholeNumber(2))
    .option("--classes <n>", "number of classes", wholeNumber(2), 4);
}

/** The configuration that {@link withStepOptions} asks for. @throws UserError as `resolveConfig` */
export function stepConfig(options: StepOptions): Config {
  const { model, input, batch } = options;
  const set = Object.entries(given({ model, "patch.size": input, batch })).map(([key, value]) => `${key}=${value}`);
  const request = configRequest(options);
  return resolveConfig({ ...request, set: [...(request.set ?? []), ...set] });
}

/** The part of a command's options that {@link withConfigOptions} added. */
export function configRequest({ config, preset, recipe, fold, seed, set }: ConfigRequest): ConfigRequest {
  return { config, preset, recipe, fold, seed, set };
}
