import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { build as bundle } from "esbuild";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { browserOptions, build, isBuilt, sourceHash } from "../../scripts/build.mjs";

const PROJECT = resolve(import.meta.dirname, "../..");

test("the browser bundle reaches no Node module and no package", async () => {
  const { metafile, outputFiles } = await bundle({
    ...browserOptions(PROJECT),
    external: [...builtinModules, "node:*"],
    format: "esm",
    metafile: true,
    write: false,
  });
  const reached = Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
    imports
      .filter(({ path, external }) => external || path.includes("node_modules"))
      .map(({ path }) => `${file} -> ${path}`),
  );
  expect(reached).toEqual([]);
  expect(Object.keys(metafile.inputs)).toEqual(
    expect.arrayContaining(["engine/generated/kernels.ts", "engine/device.ts"]),
  );
  expect(outputFiles[0]?.text).not.toMatch(/from\s*["']|require\(|\bprocess\.|\bBuffer\./);
});

describe("build", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "equipoise-build-"));
    symlinkSync(join(PROJECT, "node_modules"), join(root, "node_modules"), "dir");
    cpSync(join(PROJECT, "scripts"), join(root, "scripts"), { recursive: true });
    source("package.json", '{ "name": "small", "type": "module" }');
    source("shaders/copy.wgsl", "@compute @workgroup_size(64) fn main() {}\n");
    source("engine/kernel.ts", "export interface Kernel<B, P, C> { [key: string]: unknown; types?: [B, P, C] }\n");
    source("engine/index.ts", 'export const one: number = 1;\nexport { copy } from "./generated/kernels.js";\n');
    source("browser.ts", 'export * from "./engine/index.js";\n');
    source("cli/main.ts", 'import { one } from "../engine/index.js";\nconsole.log(one);\n');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function source(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const built = (path: string) => readFileSync(join(root, "dist", path), "utf8");

  test("mirrors the tree, and is done once", async () => {
    expect(await build(root)).toBe(true);
    expect(built("node/cli/main.js")).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(built("node/cli/main.js")).toContain('"../engine/index.js"');
    expect(existsSync(join(root, "dist/node/scripts/probe.mjs"))).toBe(true);
    expect(await build(root)).toBe(false);
    expect(readdirSync(join(root, ".cache"))).toEqual([]);
  });

  test.each([
    ["a source", "engine/index.ts", "export const one = 2;\n"],
    ["a shader", "shaders/copy.wgsl", "@compute @workgroup_size(32) fn main() {}\n"],
    ["a new file", "models/index.ts", "export const two = 2;\n"],
  ])("is repeated when %s changes", async (_, path, text) => {
    await build(root);
    source(path, text);
    expect(isBuilt(root)).toBe(false);
    expect(await build(root)).toBe(true);
    expect(isBuilt(root)).toBe(true);
  });

  test("leaves no module of a removed source behind", async () => {
    source("engine/old.ts", "export {};\n");
    await build(root);
    rmSync(join(root, "engine/old.ts"));
    await build(root);
    expect(existsSync(join(root, "dist/node/engine/old.js"))).toBe(false);
  });

  test("a source that does not compile is named with its line, and the last build stays", async () => {
    await build(root);
    source("engine/index.ts", "export const one = ;\n");
    await expect(build(root)).rejects.toThrow(/engine\/index\.ts:1:19: Unexpected ";"/);
    expect(built("node/engine/index.js")).toContain("one = 1");
    expect(isBuilt(root)).toBe(false);
    expect(readdirSync(join(root, ".cache"))).toEqual([]);
  });

  test("the leftovers of a killed build are removed", async () => {
    mkdirSync(join(root, ".cache/build-killed/node"), { recursive: true });
    await build(root);
    expect(readdirSync(join(root, ".cache"))).toEqual([]);
  });

  test("a full build adds the browser bundle and declarations", async () => {
    source("tsconfig.json", readFileSync(join(PROJECT, "tsconfig.json"), "utf8"));
    source("tsconfig.build.json", readFileSync(join(PROJECT, "tsconfig.build.json"), "utf8"));
    await build(root);
    expect(isBuilt(root, { full: true })).toBe(false);
    await build(root, { full: true });
    expect(built("browser/engine.js")).toContain("@workgroup_size(64)");
    expect(built("types/engine/index.d.ts")).toContain("export declare const one: number;");
    expect(isBuilt(root)).toBe(true);
  });

  test("the hash covers names and contents, not the generated kernels", async () => {
    const before = sourceHash(root);
    await build(root);
    expect(sourceHash(root)).toBe(before);
    source("engine/moved.ts", readFileSync(join(root, "engine/index.ts"), "utf8"));
    const added = sourceHash(root);
    rmSync(join(root, "engine/moved.ts"));
    expect(new Set([before, added, sourceHash(root)]).size).toBe(2);
  });
});
