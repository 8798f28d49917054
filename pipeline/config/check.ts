import { distance } from "fastest-levenshtein";
import * as z from "zod";
import { UserError } from "../../engine/errors.js";
import { isMapping, type Layer } from "./layers.js";
import { allowedValues, options } from "./options.js";
import { configSchema } from "./schema.js";

/** Where an option was set, for messages: `my.yaml:3`, `--set batch=x`. */
export type Locate = (path: string[]) => string;

/**
 * Checks the keys and values of one source.
 * @returns the layer; a group that is present but empty (`meta:` in YAML) becomes an empty mapping
 * @throws UserError naming the place, the key and the nearest right one, or the key, the value and what is allowed
 */
export function checkLayer(values: Record<string, unknown>, locate: Locate): Layer {
  return checkGroup(values, configSchema, [], locate) as Layer;
}

function checkGroup(values: Record<string, unknown>, group: z.ZodObject, prefix: string[], locate: Locate) {
  const checked: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const path = [...prefix, key];
    const schema = Object.hasOwn(group.shape, key) ? (group.shape[key] as z.ZodType) : undefined;
    if (schema === undefined) {
      const deepest = firstLeaf(path, value);
      throw new UserError(`${locate(deepest)}: ${unknownOption(deepest)}`);
    }
    if (schema instanceof z.ZodObject) {
      if (value !== null && !isMapping(value))
        throw new UserError(`${locate(path)}: ${notAGroup(path, schema, value)}`);
      checked[key] = checkGroup(value ?? {}, schema, path, locate);
    } else {
      if (!schema.safeParse(value).success) throw new UserError(`${locate(path)}: ${wrongValue(path, schema, value)}`);
      checked[key] = value;
    }
  }
  return checked;
}

/** The first option inside a value: of an unknown group it is the options that tell what was meant. */
function firstLeaf(path: string[], value: unknown): string[] {
  const first = isMapping(value) ? Object.entries(value)[0] : undefined;
  return first === undefined ? path : firstLeaf([...path, first[0]], first[1]);
}

function unknownOption(path: string[]): string {
  return `unknown option "${path.join(".")}"; did you mean "${nearestOption(path)}"?`;
}

function notAGroup(path: string[], group: z.ZodObject, value: unknown): string {
  const name = path.join(".");
  const first = Object.keys(group.shape)[0];
  return `"${name}" is a group of options, not ${JSON.stringify(value)}; set one of its options, such as "${name}.${first}"`;
}

function wrongValue(path: string[], schema: z.ZodType, value: unknown): string {
  return `"${path.join(".")}" must be ${allowedValues(schema)}, not ${JSON.stringify(value)}`;
}

/**
 * The option whose name is closest to a wrong one, by edit distance. The last part counts as well as the whole, so that
 * an option given without its group, or under the wrong one, is found. Of options with one last part, the whole decides.
 */
export function nearestOption(path: string[]): string {
  const wrong = path.join(".");
  const wrongLast = path.at(-1) ?? "";
  const cost = (name: string) => {
    const last = name.split(".").at(-1) ?? "";
    const whole = distance(wrong, name);
    return Math.min(whole, distance(wrongLast, last) + 0.5) + whole / 1000;
  };
  const names = ["extends", ...options.map((option) => option.path.join("."))];
  return nearest(names, cost);
}

/** The word nearest to a wrong one by edit distance. */
export function nearestWord(wrong: string, words: readonly string[]): string {
  return nearest(words, (word) => distance(wrong, word));
}

function nearest(words: readonly string[], cost: (word: string) => number): string {
  return words.reduce((best, word) => (cost(word) < cost(best) ? word : best), words[0] ?? "");
}
