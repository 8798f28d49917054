import type { Config } from "./schema.js";

/** A part of a configuration: what one source (recipe, preset, file, flag) sets. Lists and pairs are always whole. */
export type Layer<T = Config> = {
  [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : NonNullable<T[K]> extends object ? Layer<T[K]> : T[K];
};

/** True for a mapping with keys: not a list, not null. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A new object with the values of the later layers over those of the earlier ones; mappings merge, lists replace. */
export function merge(...layers: readonly object[]): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer)) {
      const before = merged[key];
      merged[key] = isMapping(value) ? merge(isMapping(before) ? before : {}, value) : value;
    }
  }
  return merged;
}
