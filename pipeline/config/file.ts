import { readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { type Document, isNode, LineCounter, parseDocument } from "yaml";
import { UserError } from "../../engine/errors.js";
import { checkLayer } from "./check.js";
import { isMapping, type Layer } from "./layers.js";

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
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const line = problem.linePos?.[0].line;
    throw new UserError(`${file}${line ? `:${line}` : ""}: not valid YAML: ${problem.message.split("\n")[0]}`);
  }
  const content: unknown = document.toJS() ?? {};
  if (!isMapping(content))
    throw new UserError(`${file}: expected options such as "batch: 16", found ${JSON.stringify(content)}`);
  const { extends: base, ...values } = content;
  if (base !== undefined && typeof base !== "string") {
    throw new UserError(
      `${file}: "extends" must be the name of a configuration or a file, not ${JSON.stringify(base)}`,
    );
  }
  const layer = checkLayer(values, (path) => place(file, document, lines, path));
  return {
    layer: { config: basename(file, extname(file)), ...layer },
    extends: base === undefined ? null : isConfigFile(base) ? join(dirname(file), base) : base,
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT"
        ? "does not exist"
        : `cannot be read (${(error as Error).message})`;
    throw new UserError(`${file}: configuration file ${reason}; "equipoise config list" shows the built-in ones`);
  }
}

/** `file:line` of an option. */
function place(file: string, document: Document, lines: LineCounter, path: string[]): string {
  const node = document.getIn(path, true);
  const offset = isNode(node) ? node.range?.[0] : undefined;
  return offset === undefined ? file : `${file}:${lines.linePos(offset).line}`;
}
