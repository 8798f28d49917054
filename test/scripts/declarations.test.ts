import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiPages, outdated } from "../../scripts/apiDocs.mjs";
import { buildTypes } from "../../scripts/build.mjs";
import { exportsOf } from "../../scripts/declarations.mjs";

const PROJECT = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "equipoise-declarations-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe("exportsOf", () => {
  test("finds declarations with their comments, in place and through other modules", () => {
    file(
      "inner/device.d.ts",
      [
        "/** Not this one: it belongs to the file. */",
        'import type { X } from "./x.js";',
        "/**",
        " * A device; see `;` and {braces}.",
        " * @param a its name",
        " */",
        "export declare class Device {",
        "    #private;",
        "    /** Its limit. */",
        "    readonly limit: { a: number; b: string };",
        "    /** Hidden. */",
        "    private readonly secret;",
        "    run<T extends { x: number; }>(f: (x: T) => void): void;",
        "}",
        'export type Kind = "a;b" | {',
        "    c: 1;",
        "};",
        "declare function local(): void;",
        "/** Made here, exported below. */",
        'declare const made: readonly ["x", "}"];',
        "export { local as renamed, made };",
      ].join("\n"),
    );
    const index = file(
      "index.d.ts",
      'export { Device, type Kind as K } from "./inner/device.js";\nexport * from "./more.js";\nexport { made } from "./inner/device.js";\n',
    );
    file(
      "more.d.ts",
      "/** Adds. */\nexport declare function add(a: number, b: number): number;\nexport interface Empty {\n}\n",
    );
    const found = exportsOf(index);
    expect([...found.keys()]).toEqual(["Device", "K", "add", "Empty", "made"]);
    expect(found.get("Device")).toMatchObject({
      kind: "class",
      doc: "A device; see `;` and {braces}.\n@param a its name",
    });
    expect(found.get("Device")?.code).toMatch(/limit: \{ a: number; b: string \};[\s\S]*run<T/);
    expect(found.get("Device")?.code).not.toMatch(/secret|Hidden|#private/);
    expect(found.get("K")).toMatchObject({ kind: "type", name: "K" });
    expect(found.get("add")).toMatchObject({ doc: "Adds.", code: "function add(a: number, b: number): number;" });
    expect(found.get("made")).toMatchObject({ kind: "const", doc: "Made here, exported below." });
  });

  test("an export without a declaration is named with its file", () => {
    expect(() => exportsOf(file("broken.d.ts", "export { nothing };\n"))).toThrow(/broken\.d\.ts: exports nothing/);
  });
});

describe("docs/api", () => {
  const types = join(folder, "types");
  beforeAll(() => buildTypes(PROJECT, types));

  test("is that of the doc comments (else: npm run docs)", () => {
    expect(outdated(apiPages(types), join(PROJECT, "docs/api"))).toEqual([]);
  });

  test("everything that the engine and the models export to pages has a doc comment or says it all by its members", () => {
    const bare = ["engine/index", "models/index"].flatMap((entry) =>
      [...exportsOf(join(types, `${entry}.d.ts`)).values()].filter(
        ({ doc, kind }) => doc === "" && kind === "function",
      ),
    );
    expect(bare.map(({ name }) => name)).toEqual([]);
  });
});
