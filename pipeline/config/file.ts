import { basename, dirname, extname, join } from "node:path";
import { UserError } from "../../engine/errors.js";
import { checkLayer } from "./check.js";
import { isMapping, type Layer } from "./layers.js";
import { readYaml } from "./yaml.js";

/** A configuration file as read: its options and what it builds on. */
export interface ConfigFile {
  layer: Layer;
  /** Name of a configuration or path of another file; null: the defaults. */
  extends: string | null;
}

/** True where the argument of `--config` is a file and not a name. */
export function isConfigFile(name: string): boolean {
  return /\.(ya?ml|json)$/i.test(name) || /[\\/]/.test(name);
}

/**
 * Reads a YAML configuration file. Without a `config:` key the configuration is called after the file.
 * A relative `extends: other.yaml` is looked up beside the file.
 * @throws UserError for a missing file, a YAML error (with its line), an unknown key or a wrong value
 */
export function readConfigFile(file: string): ConfigFile {
  const { content, place } = readYaml(file, "configuration file", '"equipoise configs" shows the built-in ones');
  if (!isMapping(content))
    throw new UserError(`${file}: expected options such as "batch: 16", found ${JSON.stringify(content)}`);
  const { extends: base, ...values } = content;
  if (base !== undefined && typeof base !== "string") {
    throw new UserError(
      `${file}: "extends" must be the name of a configuration or a file, not ${JSON.stringify(base)}`,
    );
  }
  const layer = checkLayer(values, place);
  return {
    layer: { config: basename(file, extname(file)), ...layer },
    extends: base === undefined ? null : isConfigFile(base) ? join(dirname(file), base) : base,
  };
}
