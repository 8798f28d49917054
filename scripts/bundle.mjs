/** What the builds share: esbuild with errors that name file and line, and lists of files. */
import { readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { SetupError } from "./run.mjs";

/**
 * Runs esbuild: ES modules, as new as the browsers and Node that have WebGPU.
 * @param {import("esbuild").BuildOptions} options
 * @returns {Promise<void>}
 * @throws {SetupError} naming the source that does not compile, with line and column
 */
export async function bundle(options) {
  const { build } = await import("esbuild");
  try {
    await build({ ...options, format: "esm", target: "es2023", charset: "utf8", logLevel: "silent" });
  } catch (error) {
    const { errors } = /** @type {import("esbuild").BuildFailure} */ (error);
    if (!errors) throw error;
    const lines = errors.map(
      ({ text, location: at }) => `  ${at ? `${at.file}:${at.line}:${at.column}: ` : ""}${text}`,
    );
    throw new SetupError(`the build failed:\n${lines.join("\n")}`);
  }
}

/**
 * @param {string} path file or folder
 * @returns {string[]} the files in it but installed packages, sorted; none if it does not exist
 */
export function listFiles(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return [];
  if (found.isFile()) return [path];
  return readdirSync(path)
    .filter((name) => name !== "node_modules")
    .sort()
    .flatMap((name) => listFiles(join(path, name)));
}

/**
 * @param {string} folder
 * @param {string} path in it
 * @returns {string} relative, with forward slashes
 */
export function posixRelative(folder, path) {
  return relative(folder, path).split(sep).join("/");
}
