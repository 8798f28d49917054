import * as z from "zod";
import { configSchema } from "./schema.js";

/** One option of the configuration, or a group of options. */
export interface Option {
  /** Where it stands: `["patch", "size"]`. */
  path: string[];
  schema: z.ZodType;
  description: string;
}

/** All options in the order of the schema, groups left out. */
export const options: readonly Option[] = collect(configSchema, []);

function collect(group: z.ZodObject, prefix: string[]): Option[] {
  return Object.entries(group.shape).flatMap(([key, child]) => {
    const path = [...prefix, key];
    const schema = child as z.ZodType;
    return schema instanceof z.ZodObject
      ? collect(schema, path)
      : [{ path, schema, description: schema.description ?? "" }];
  });
}

/** What an option may be set to, in words: `a whole number from 1 up`, `paper, reference-code or small-data`. */
export function allowedValues(schema: z.ZodType): string {
  return describe(z.toJSONSchema(schema));
}

function describe(json: z.core.JSONSchema.BaseSchema): string {
  if (json.title !== undefined) return json.title;
  if (json.enum !== undefined) return list(json.enum.map(String));
  if (json.const !== undefined) return String(json.const);
  if (json.anyOf !== undefined) return list(json.anyOf.map(describe));
  switch (json.type) {
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "integer":
    case "number":
      return `a ${json.type === "integer" ? "whole number" : "number"}${range(json)}`;
    case "array":
      return describeArray(json);
    default:
      return "text";
  }
}

function describeArray(json: z.core.JSONSchema.BaseSchema): string {
  const items = json.prefixItems;
  if (items !== undefined)
    return `a list of ${items.length}: ${items.map((item) => describe(item as typeof json)).join(", ")}`;
  return "a list of texts";
}

/** The limits of a number in words; the range that JSON's safe integers impose is left out. */
function range(json: z.core.JSONSchema.BaseSchema): string {
  const low = json.minimum ?? Number.NEGATIVE_INFINITY;
  const high = json.maximum ?? Number.POSITIVE_INFINITY;
  const from =
    json.exclusiveMinimum !== undefined
      ? ` above ${json.exclusiveMinimum}`
      : low > Number.MIN_SAFE_INTEGER
        ? ` from ${low}`
        : "";
  if (json.exclusiveMaximum !== undefined)
    return `${from}${from.startsWith(" from") ? " to" : from ? " and" : ""} below ${json.exclusiveMaximum}`;
  if (high < Number.MAX_SAFE_INTEGER) return `${from} ${from ? "to" : "up to"} ${high}`;
  return from.startsWith(" from") ? `${from} up` : from;
}

/** `["a", "b", "c"]` -> `a, b or c`. */
function list(words: string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
