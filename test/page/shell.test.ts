import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject } from "vitest";
import { serve } from "../../scripts/web.mjs";
import { expectPhoneWidth, launch, openSection, patience, shot, test, watch } from "./browser.js";

const sections = ["find", "classify", "train", "inside"] as const;

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

test("light, dark, and as the system has it; the choice is kept", async ({ page, site }) => {
  const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const theme = page.getByLabel("Theme");
  await page.emulateMedia({ colorScheme: "dark" });
  await openSection(page, site, "find");
  expect(await paper()).toBe("rgb(20, 24, 28)");
  await shot(page, "shell-dark");
  await theme.selectOption("light");
  expect(await paper()).toBe("rgb(255, 255, 255)");
  await page.reload();
  expect(await paper()).toBe("rgb(255, 255, 255)");
  expect(await theme.inputValue()).toBe("light");
  await theme.selectOption("system");
  expect(await paper()).toBe("rgb(20, 24, 28)");
});

test("at phone width nothing is wider than the screen", async ({ page, site }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const section of sections) {
    await openSection(page, site, section);
    const widest = await page.evaluate(() => document.documentElement.scrollWidth);
    expect({ section, widest }).toEqual({ section, widest: 360 });
    await shot(page, `phone-${section}`);
  }
});

test("without WebGPU the page says so, names browsers that have it, and how to turn it on", async ({
  complaints,
  site,
}) => {
  const browser = await launch({
    without: ["--enable-unsafe-webgpu"],
    args: ["--disable-features=WebGPU", "--disable-gpu"],
  });
  try {
    const context = await browser.newContext();
    await watch(context, complaints, "localhost");
    const page = await context.newPage();
    await page.goto(site.url);
    await page.getByRole("heading", { name: "This page needs WebGPU" }).waitFor({ timeout: patience });
    const text = await page.locator("main").textContent();
    for (const name of ["Chrome", "Safari", "Firefox", "about:config", "chrome://flags"]) expect(text).toContain(name);
    await shot(page, "no-webgpu");
    await expectPhoneWidth(page);
  } finally {
    await browser.close();
  }
});

test("it works without a server once it was loaded", async ({ page, site }) => {
  await openSection(page, site, "inside");
  await page.locator("footer", { hasText: "works without a network" }).waitFor();
  await site.close();
  await page.reload();
  await page.locator("footer .device.ready").waitFor({ timeout: patience });
  expect(await page.locator("main h1:visible").textContent()).toBe("Inside");
});

test("on a host without headers of its own, below a path, the page has the policy all the same", async ({
  context,
  complaints,
}) => {
  const parent = mkdtempSync(join(tmpdir(), "equipoise-host-"));
  cpSync(inject("pages").web, join(parent, "some/where"), { recursive: true });
  const host = await serve(parent, { headers: {} });
  try {
    const page = await context.newPage();
    await page.goto(`${host.url}some/where/#inside`);
    await page.locator("footer .device.ready").waitFor({ timeout: patience });
    await page.locator("footer", { hasText: "works without a network" }).waitFor();
    expect(complaints.all).toEqual([]);
    complaints.expect(/Content.Security.Policy|CSP violation/);
    const ran = await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "globalThis.injected = true";
      document.head.append(script);
      return "injected" in globalThis;
    });
    expect(ran).toBe(false);
    expect(complaints.all.join("\n")).toContain("script-src");
  } finally {
    await host.close();
    rmSync(parent, { recursive: true, force: true });
  }
});

test("a request to another origin is refused by the policy, and would fail a test", async ({
  page,
  site,
  complaints,
}) => {
  await openSection(page, site, "find");
  const outcome = await page.evaluate(() => fetch("https://example.com/").then(() => "answered", String));
  expect(outcome).toMatch(/TypeError/);
  expect(complaints.all.join("\n")).toMatch(/connect-src/);
  complaints.expect(/connect-src|Content.Security.Policy|CSP violation|example\.com/);
});
