import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const PROJECT = resolve(import.meta.dirname, "../..");
const { bin, exports, scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));

/** The source that a path of the built package comes from. */
function sourceOf(path: string): string {
  if (path === "./dist/browser/engine.js") return "browser.ts";
  return path.replace(/^(\.\/)?dist\/(node|types)\//, "").replace(/(\.d\.ts|\.js)$/, ".ts");
}

test("every path of the package comes from a source", () => {
  const paths = [bin.equipoise, ...Object.values<object>(exports).flatMap((entry) => Object.values(entry))];
  const built = paths.filter((path) => path.includes("dist/"));
  expect(built.length).toBeGreaterThan(10);
  for (const path of built)
    expect({ path, exists: existsSync(join(PROJECT, sourceOf(path))) }).toEqual({ path, exists: true });
});

test("the tasks a newcomer types go through the bootstrap", () => {
  for (const name of ["demo", "demo:web", "test", "build", "check", "docs", "equipoise"]) {
    expect(scripts[name]).toMatch(/^node scripts\/bootstrap\.mjs \w+$/);
  }
});
