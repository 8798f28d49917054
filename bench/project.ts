import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's folder: the nearest one above this module, as source or as built, that holds `bench/package.json`. */
export function projectFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "bench/package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("bench/package.json is not to be found: the benchmark runs in a checkout");
    folder = parent;
  }
  return folder;
}
