import { expect } from "vitest";
import { openSection, shot, test } from "./browser.js";

test("the page opens, the worker opens the GPU, and the sections are reached by keyboard", async ({ page, site }) => {
  await openSection(page, site, "find");
  expect(await page.locator("footer .device").textContent()).toMatch(/GPU: .*swiftshader.*computes on the processor/i);
  for (const [key, title] of [
    ["classify", "Classify"],
    ["train", "Train here"],
    ["inside", "Inside"],
    ["find", "Find colonies"],
  ]) {
    await page.locator(`nav a[href="#${key}"]`).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator("main h1:visible").textContent()).toBe(title);
    expect(await page.locator('nav a[aria-current="page"]').textContent()).toBe(title);
    expect(new URL(page.url()).hash).toBe(`#${key}`);
  }
  await shot(page, "shell");
});
