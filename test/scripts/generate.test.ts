import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { camelCase, generateKernels } from "../../scripts/generate.mjs";
import { reflectShader, stripSource } from "../../scripts/reflect.mjs";

const SCALE = `// y = a * x, one invocation per element.
enable subgroups;
/* tile /* nested */ size */ const TILE: u32 = 64; // threads
const HALF = -0.5;
const FAST = true;
const DERIVED = TILE * 2u;
override UNROLL: i32 = 4;
struct Params {
  n: u32,
  shift: i32,
  a: f32,
  b: f32,
  c: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(TILE, 2u)
fn main(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = params.a * x[id.x];
}
`;
const MAIN = "@compute @workgroup_size(64) fn main() {}";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-generate-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function shader(path: string, code: string): void {
  const file = join(root, "shaders", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, code);
}

describe("reflectShader", () => {
  const kernel = reflectShader(SCALE, "shaders/filters/scale_forward.wgsl");

  test("reads names, features, workgroup size and bindings", () => {
    expect(kernel).toMatchObject({
      name: "scale_forward",
      entryPoint: "main",
      requiresSubgroups: true,
      requiresF16: false,
      workgroupSize: ["TILE", 2, 1],
      bindings: [
        { name: "x", group: 0, binding: 0, access: "read" },
        { name: "y", group: 0, binding: 1, access: "read_write" },
        { name: "params", group: 0, binding: 2, access: "uniform" },
      ],
    });
  });

  test("lays out the params block in multiples of 16 bytes", () => {
    const fields = kernel.params?.fields.map((f) => [f.name, f.offset, f.type]);
    expect(kernel.params?.size).toBe(32);
    expect(fields).toEqual([
      ["n", 0, "u32"],
      ["shift", 4, "i32"],
      ["a", 8, "f32"],
      ["b", 12, "f32"],
      ["c", 16, "f32"],
    ]);
    expect(reflectShader(MAIN, "shaders/a.wgsl").params).toBeNull();
  });

  test("lists literal constants and overrides, not derived constants", () => {
    expect(kernel.constants).toEqual({
      TILE: { type: "u32", value: 64, kind: "const" },
      HALF: { type: "f32", value: -0.5, kind: "const" },
      FAST: { type: "bool", value: true, kind: "const" },
      UNROLL: { type: "i32", value: 4, kind: "override" },
    });
  });

  test("keeps the line numbers of the file and drops comments", () => {
    const lineOf = (code: string) => code.split("\n").findIndex((line) => line.includes("fn main"));
    expect(lineOf(kernel.code)).toBe(lineOf(SCALE));
    expect(kernel.code).not.toMatch(/nested|threads|element/);
    expect(stripSource("a/**/b // c\n  d\n")).toBe("a b\nd\n");
  });

  test.each([
    [
      "a syntax error with its line",
      `const A: u32 = 1;\n\nfn broken( { }\n${MAIN}`,
      /^shaders\/k\.wgsl:3: WGSL syntax error/,
    ],
    ["no entry point", "const A: u32 = 1;", /exactly one @compute entry point, found none/],
    ["two entry points", `${MAIN}\n@compute @workgroup_size(1) fn second() {}`, /found main, second/],
    ["another bind group", `@group(1) @binding(0) var<storage> x: array<f32>;\n${MAIN}`, /x is in @group\(1\)/],
    [
      "a shared binding number",
      `@group(0) @binding(0) var<storage> x: array<f32>;\n@group(0) @binding(0) var<storage> y: array<f32>;\n${MAIN}`,
      /y and x share @binding\(0\)/,
    ],
    ["another uniform", `@group(0) @binding(0) var<uniform> k: vec4f;\n${MAIN}`, /uniform k must be called `params`/],
    [
      "a vector in params",
      `struct P { v: vec2u }\n@group(0) @binding(0) var<uniform> params: P;\n${MAIN}`,
      /params\.v is vec2u/,
    ],
    ["a texture", `@group(0) @binding(0) var t: texture_2d<f32>;\n${MAIN}`, /t: only storage buffers/],
    ["an untyped integer constant", `const A = 4;\n${MAIN}`, /:1: const A needs a type/],
    ["an override without a default", `override A: u32;\n${MAIN}`, /:1: override A needs a literal default/],
    [
      "a derived workgroup size",
      "const A: u32 = 2;\nconst B = A * 2;\n@compute @workgroup_size(B) fn main() {}",
      /@workgroup_size\(B\)/,
    ],
    ["an open comment", `/* a\n${MAIN}`, /block comment is not closed/],
  ])("refuses %s", (_, code, message) => {
    expect(() => reflectShader(code, "shaders/k.wgsl")).toThrow(message);
  });

  test("refuses a file name that is not snake_case", () => {
    expect(() => reflectShader(MAIN, "shaders/convForward.wgsl")).toThrow(/snake_case/);
  });
});

describe("generateKernels", () => {
  test("writes one typed constant per shader, sub-folders included", () => {
    shader("scale_forward.wgsl", SCALE);
    shader("filters/blur.wgsl", `// \`quoted\`\n${MAIN}\n`);
    const { kernels, output } = generateKernels(root);
    const text = readFileSync(output, "utf8");
    expect(kernels).toBe(2);
    expect(text).toContain(
      'export const scaleForward: Kernel<"x" | "y", { n: number; shift: number; a: number; b: number; c: number }, ' +
        '"TILE" | "HALF" | "FAST" | "UNROLL"> = {',
    );
    expect(text).toContain("export const blur: Kernel<never, null, never> = {");
    expect(text).toContain('file: "shaders/filters/blur.wgsl"');
    expect(camelCase("conv2d_backward_input_1x1")).toBe("conv2dBackwardInput1x1");
  });

  test("leaves an unchanged module alone, replaces a changed one, and leaves no other file", () => {
    shader("blur.wgsl", MAIN);
    const { output } = generateKernels(root);
    const before = statSync(output, { bigint: true }).mtimeNs;
    expect(generateKernels(root).changed).toBe(false);
    expect(statSync(output, { bigint: true }).mtimeNs).toBe(before);
    shader("blur.wgsl", MAIN.replace("64", "32"));
    expect(generateKernels(root).changed).toBe(true);
    expect(readFileSync(output, "utf8")).toContain("@workgroup_size(32)");
    expect(readdirSync(dirname(output))).toEqual(["kernels.ts"]);
  });

  test("refuses two shaders of one name and keeps the old module when a shader is bad", () => {
    shader("blur.wgsl", MAIN);
    const { output } = generateKernels(root);
    const before = readFileSync(output, "utf8");
    shader("filters/blur.wgsl", MAIN);
    expect(() => generateKernels(root)).toThrow(
      /shaders\/filters\/blur\.wgsl: its name blur is taken by shaders\/blur\.wgsl/,
    );
    shader("filters/blur.wgsl", "fn (");
    expect(() => generateKernels(root)).toThrow(/^shaders\/filters\/blur\.wgsl:1: WGSL syntax error/);
    expect(readFileSync(output, "utf8")).toBe(before);
  });
});
