import { type Command, Option } from "commander";
import type { ConfigRequest } from "../pipeline/config/resolve.js";
import { presetNames, recipeNames } from "../pipeline/config/schema.js";
import { collect, wholeNumber } from "./options.js";

/** The flags that choose a configuration, for the commands that take one. */
export function withConfigOptions(command: Command): Command {
  return command
    .option("--config <name>", 'named configuration, or a YAML file; see "config list"', "ipb-vgg")
    .addOption(new Option("--preset <size>", "size of network and run (default: small)").choices(presetNames))
    .addOption(new Option("--recipe <name>", "details of the method (default: paper)").choices(recipeNames))
    .option("--fold <n>", "fold that is the test part, from 0", wholeNumber(0))
    .option("--seed <n>", "seed of every random choice", wholeNumber(0))
    .option("--set <key=value>", "set any option, such as meta.threshold=0.8 (repeatable)", collect);
}

/** The part of a command's options that {@link withConfigOptions} added. */
export function configRequest({ config, preset, recipe, fold, seed, set }: ConfigRequest): ConfigRequest {
  return { config, preset, recipe, fold, seed, set };
}
