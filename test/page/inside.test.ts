import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { ProfileDocument } from "../../pipeline/profile/document.js";
import { openSection, patience, shot, test } from "./browser.js";

test("a step is timed kernel by kernel; the profile downloads; limits are shown", async ({ page, site }) => {
  await openSection(page, site, "inside");
  const inside = page.locator("#section-inside");
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
  expect(subject).toMatchObject({ step: "train", model: "vgg-compact", input: 32, batch: 8 });
  expect(adapter.isCpu).toBe(true);
  expect(rows.some(({ kernel }) => kernel.includes("backward_weight"))).toBe(true);
  expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  expect(times.unprofiledMs).toBeGreaterThan(0);
  const first = rows[0];
  expect(await inside.locator(".kernels tbody tr").first().textContent()).toContain(first?.kernel);
});

test("measuring can be stopped", async ({ page, site }) => {
  await openSection(page, site, "inside");
  const inside = page.locator("#section-inside");
  await inside.getByLabel("Network").selectOption("vgg19");
  await inside.getByRole("button", { name: "Measure" }).click();
  await inside.getByRole("button", { name: "Stop" }).click();
  await inside.locator(".progress").waitFor({ state: "detached", timeout: patience });
  expect(await inside.getByRole("button", { name: "Measure" }).isEnabled()).toBe(true);
  expect(await page.locator(".problem").count()).toBe(0);
});
