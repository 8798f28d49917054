/**
 * Reflects every kernel in `shaders/` into `engine/generated/kernels.ts`.
 * Usage: `node scripts/generate.mjs`. Prints one line when something changed; a bad shader ends with its file and line.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { isMain } from "./isMain.mjs";
import { reflectShader, ShaderError } from "./reflect.mjs";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * Writes the kernel module. The file is replaced in one rename, and only when its content changes.
 * @param {string} [root] project folder with `shaders/`
 * @param {string} [output] path of the module, relative to root
 * @returns {{ changed: boolean, kernels: number, output: string }}
 * @throws {ShaderError} naming file and line
 */
export function generateKernels(root = PROJECT, output = "engine/generated/kernels.ts") {
  const kernels = listShaders(join(root, "shaders")).map((path) => {
    const file = relative(root, path).split(sep).join("/");
    return reflectShader(readFileSync(path, "utf8"), file);
  });
  /** @type {Map<string, string>} */
  const files = new Map();
  for (const { name, file } of kernels) {
    const id = camelCase(name);
    if (files.has(id))
      throw new ShaderError(`${file}: its name ${id} is taken by ${files.get(id)}; rename one of them`);
    files.set(id, file);
  }
  const target = join(root, output);
  const text = moduleText(kernels);
  const changed = !existsSync(target) || readFileSync(target, "utf8") !== text;
  if (changed) writeAtomically(target, text);
  return { changed, kernels: kernels.length, output: target };
}

/**
 * @param {string} name snake_case
 * @returns {string} camelCase
 */
export function camelCase(name) {
  return name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

/**
 * @param {string} folder
 * @returns {string[]} paths of the `.wgsl` files in it and below, sorted
 */
function listShaders(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? listShaders(path) : entry.name.endsWith(".wgsl") ? [path] : [];
    })
    .sort();
}

/**
 * @param {import("./reflect.mjs").KernelInfo[]} kernels
 * @returns {string}
 */
function moduleText(kernels) {
  const head = "// Made by scripts/generate.mjs from shaders/**/*.wgsl. Change the shaders, not this file.\n";
  return `${head}import type { Kernel } from "../kernel.js";\n${kernels.map(kernelText).join("")}`;
}

/**
 * @param {import("./reflect.mjs").KernelInfo} kernel
 * @returns {string}
 */
function kernelText({ code, ...kernel }) {
  const bindings = union(kernel.bindings.map((b) => b.name).filter((name) => name !== "params"));
  const params = kernel.params ? `{ ${kernel.params.fields.map((f) => `${f.name}: number`).join("; ")} }` : "null";
  const constants = union(Object.keys(kernel.constants));
  const entries = Object.entries(kernel).map(([key, value]) => `  ${key}: ${JSON.stringify(value)},\n`);
  const source = code.replace(/[`\\]|\$\{/g, "\\$&");
  return (
    `\n/** ${kernel.file} */\n` +
    `export const ${camelCase(kernel.name)}: Kernel<${bindings}, ${params}, ${constants}> = {\n` +
    `${entries.join("")}  code: \`${source}\`,\n};\n`
  );
}

/** @param {string[]} names */
function union(names) {
  return names.length > 0 ? names.map((name) => JSON.stringify(name)).join(" | ") : "never";
}

/**
 * @param {string} path
 * @param {string} text
 */
function writeAtomically(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

if (isMain(import.meta.url)) {
  try {
    const { changed, kernels, output } = generateKernels();
    if (changed) console.error(`generated ${relative(process.cwd(), output)} (${kernels} kernels)`);
  } catch (error) {
    if (!(error instanceof ShaderError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
