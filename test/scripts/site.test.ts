import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildSite } from "../../scripts/site.mjs";

const PROJECT = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "equipoise-site-"));
let scripts: ReadonlyMap<string, string>;
beforeAll(async () => {
  const site = join(folder, "web");
  const { version } = await buildSite(PROJECT, site);
  const names = readdirSync(join(site, version)).filter((name) => name.endsWith(".js"));
  scripts = new Map(names.map((name) => [name, readFileSync(join(site, version, name), "utf8")]));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A script and all that it loads at once. */
function loadedWith(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  const imports = (scripts.get(name) ?? "").matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g);
  for (const [, next] of imports) loadedWith(next as string, found);
  return found;
}

/** As sent, kB. */
function kilobytes(names: Iterable<string>): number {
  return [...names].reduce((sum, name) => sum + gzipSync(scripts.get(name) ?? "", { level: 9 }).length, 0) / 1000;
}

test("the report's code is loaded when a report is made, and the sizes that the documentation states are those of the site", () => {
  const [main, first] = [loadedWith("main.js"), loadedWith("worker.js", loadedWith("main.js"))];
  const withCharts = [...scripts].filter(([, text]) => text.includes("echarts")).map(([name]) => name);
  expect(withCharts).toHaveLength(1);
  expect(first).not.toContain(withCharts[0]);
  const text = readFileSync(join(PROJECT, "docs/web.md"), "utf8");
  const stated = (what: string) => Number(new RegExp(`\\| ${what}[ :,][^|]*\\|[^|]*\\| (\\d+) kB`).exec(text)?.[1]);
  for (const [what, size] of [
    ["page", kilobytes(main)],
    ["page and worker", kilobytes(first)],
    ["report", kilobytes(withCharts)],
  ] as const)
    expect(Math.abs(stated(what) - size), `${what}: ${size} kB, stated ${stated(what)}`).toBeLessThan(0.05 * size);
});

test("kernels are the worker's: the page, which computes nothing, loads none", () => {
  const withKernels = [...scripts].filter(([, text]) => text.includes("@compute")).map(([name]) => name);
  expect(withKernels.length).toBeGreaterThan(0);
  const main = loadedWith("main.js");
  expect(withKernels.filter((name) => main.has(name))).toEqual([]);
});

test("of zod's messages one language is loaded", () => {
  const texts = [...scripts.values()];
  expect(texts.some((text) => text.includes("Invalid input: expected "))).toBe(true);
  // The others come with `import { z } from "zod"`; `import * as z from "zod"` leaves out what is not used.
  expect(texts.filter((text) => text.includes("Ungültige Eingabe"))).toEqual([]);
});
