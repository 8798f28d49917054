/**
 * vitest's global set-up of the page tests: the site, the engine's module and the examples in a folder of their own, which no
 * other build replaces while the tests run. Tests find it as `inject("pages")` (test/page/browser.ts).
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBrowser } from "./build.mjs";
import { findChromium } from "./chromium.mjs";
import { prepare } from "./prepare.mjs";
import { buildSite } from "./site.mjs";

/**
 * @param {import("vitest/node").TestProject} project
 * @returns {Promise<() => void>}
 */
export default async function setup(project) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  await prepare(root, {});
  const folder = mkdtempSync(join(tmpdir(), "equipoise-page-"));
  const chromium = findChromium();
  if (chromium) {
    await buildSite(root, join(folder, "web"));
    await buildBrowser(root, join(folder, "embedding/dist/browser"));
    for (const part of ["examples", "demo/web/assets"])
      cpSync(join(root, part), join(folder, "embedding", part), { recursive: true });
  }
  project.provide("pages", { chromium, web: join(folder, "web"), embedding: join(folder, "embedding") });
  return () => rmSync(folder, { recursive: true, force: true });
}
