import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, inject } from "vitest";
import { readSafetensors } from "../../models/safetensors.js";
import { serve } from "../../scripts/web.mjs";
import { test as base, patience, shot } from "./browser.js";

/** The examples of docs/embedding.md, as they stand in the repository, with the built module and no bundler. */

const test = base.extend<{ readonly examples: string }>({
  // The page's own server would do as well: this one holds dist/browser and examples.
  examples: async ({ site: _ }, use) => {
    const served = await serve(inject("pages").embedding, { headers: {} });
    await use(`${served.url}examples/`);
    await served.close();
  },
});

test("examples/train.html: a network learns to tell two textures apart, and its weights download", async ({
  page,
  examples,
}) => {
  await page.goto(`${examples}train.html`);
  await page.locator("#save").waitFor({ timeout: patience });
  const text = (await page.locator("#state").textContent()) ?? "";
  await shot(page, "example-train");
  const [, loss = "", right = ""] = /step 60, loss ([\d.]+); (\d+) of 16 new patches right/.exec(text) ?? [];
  expect(Number(loss), text).toBeLessThan(0.3);
  expect(Number(right), text).toBeGreaterThanOrEqual(14);

  const waiting = page.waitForEvent("download");
  await page.locator("#save").click();
  const download = await waiting;
  expect(download.suggestedFilename()).toBe("smooth-or-grainy.safetensors");
  const tensors = readSafetensors(new Uint8Array(readFileSync(await download.path())));
  expect([...tensors.keys()].some((name) => name.endsWith("running_mean"))).toBe(true);
});

test("examples/inference.html: a dense colony is called Dense", async ({ page, examples }) => {
  await page.goto(`${examples}inference.html`);
  const answer = page.locator("#answer");
  await expect.poll(() => answer.textContent(), { timeout: patience }).toMatch(/%/);
  await shot(page, "example-inference");
  const text = (await answer.textContent()) ?? "";
  const shares = Object.fromEntries(text.split(", ").map((part) => part.replace(" %", "").split(" "))) as Record<
    string,
    string
  >;
  expect(Object.keys(shares)).toEqual(["Debris", "Dense", "Diff", "Spread"]);
  expect(Number(shares.Dense), text).toBeGreaterThan(50);
  expect(Object.values(shares).reduce((sum, share) => sum + Number(share), 0)).toBeCloseTo(100, 0);
});

describe("the first lines of docs/embedding.md", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/embedding.md"), "utf8");
  const [, snippet = ""] = /```html\n([\s\S]*?)```/.exec(text) ?? [];
  const [, script = ""] = /<script type="module">([\s\S]*?)<\/script>/.exec(snippet) ?? [];

  /** The page beside the built module, on a server with these headers; what it writes to the console. */
  async function firstLine(
    page: Page,
    files: Record<string, string>,
    headers: Record<string, string>,
  ): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "equipoise-embedding-"));
    copyFileSync(join(inject("pages").embedding, "dist/browser/engine.js"), join(folder, "engine.js"));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const served = await serve(folder, { headers });
    try {
      const [message] = await Promise.all([
        page.waitForEvent("console", { timeout: patience }),
        page.goto(`${served.url}index.html`),
      ]);
      return message.text();
    } finally {
      await served.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const icon = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">';

  test("run as they stand", async ({ page }) => {
    const line = await firstLine(page, { "index.html": `${icon}${snippet}` }, {});
    expect(line).toBe("0, 0, 2, 3");
  });

  test("run under the strict policy, imported by address", async ({ page }) => {
    const files = {
      "index.html": `${icon}<script type="module" src="page.js"></script>`,
      "page.js": script.replace('"equipoise/engine"', '"./engine.js"'),
    };
    expect(
      await firstLine(page, files, {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; img-src data:",
      }),
    ).toBe("0, 0, 2, 3");
  });
});
