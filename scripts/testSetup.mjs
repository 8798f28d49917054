/**
 * vitest's global set-up: kernels and `dist/` follow the sources, also under `npx vitest`. Worker threads and command line tests
 * run from `dist/`, since Node alone does not load TypeScript.
 */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { prepare } from "./prepare.mjs";

export default async function setup() {
  await prepare(resolve(dirname(fileURLToPath(import.meta.url)), ".."), {});
}
