import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { ProfileDocument } from "../../pipeline/profile/document.js";
import { openSection, patience, shot, test } from "./browser.js";

test("a lost GPU is said and opened again; then a step is timed kernel by kernel, and its profile downloads", async ({
  page,
  site,
}) => {
  await openSection(page, site, "inside");
  const line = page.locator("footer .device");
  const seen = await page.evaluateHandle(() => {
    const texts: string[] = [];
    const element = document.querySelector("footer .device");
    const changes = { childList: true, characterData: true, subtree: true };
    if (element) new MutationObserver(() => texts.push(element.textContent ?? "")).observe(element, changes);
    return texts;
  });
  await page.getByRole("button", { name: "Lose the GPU now" }).click();
  await expect.poll(() => line.textContent(), { timeout: patience }).toMatch(/It was lost and is back/);
  expect((await seen.jsonValue()).join("\n")).toMatch(/The GPU was lost .*Opening it again/);

  const inside = page.locator("#section-inside");
  await inside.getByRole("combobox", { name: "Step", exact: true }).selectOption("predict");
  await inside.getByLabel("Images per step").selectOption("8");
  await inside.getByRole("button", { name: "Measure" }).click();
  await inside.locator(".kernels tbody tr").first().waitFor({ timeout: patience });
  await inside.locator("summary", { hasText: "Limits" }).click();
  expect(await inside.locator(".adapter").last().textContent()).toMatch(/maxStorageBufferBindingSize[\d,]+ \(/);
  expect(await inside.getByRole("img").getAttribute("aria-label")).toMatch(/^Roofline: \d+ kernels/);
  await shot(page, "inside");

  const waiting = page.waitForEvent("download");
  await inside.getByRole("button", { name: "Download the profile" }).click();
  const path = await (await waiting).path();
  const { subject, rows, adapter, times }: ProfileDocument = JSON.parse(readFileSync(path, "utf8"));
  expect(subject).toMatchObject({ step: "predict", model: "vgg-compact", input: 32, batch: 8 });
  expect(adapter.isCpu).toBe(true);
  expect(rows.some(({ kernel }) => kernel.startsWith("conv2d_forward"))).toBe(true);
  expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  expect(times.unprofiledMs).toBeGreaterThan(0);
  const first = rows[0];
  expect(await inside.locator(".kernels tbody tr").first().textContent()).toContain(first?.kernel);
});

test("measuring can be stopped", async ({ page, site }) => {
  await openSection(page, site, "inside");
  const inside = page.locator("#section-inside");
  await inside.getByRole("button", { name: "Measure" }).click();
  await inside.getByRole("button", { name: "Stop" }).click();
  await inside.locator(".progress").waitFor({ state: "detached", timeout: patience });
  expect(await inside.getByRole("button", { name: "Measure" }).isEnabled()).toBe(true);
  expect(await page.locator(".problem").count()).toBe(0);
});
