import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { test as base, expect, inject } from "vitest";
import { CHROMIUM_FIX } from "../../scripts/chromium.mjs";
import { type Served, serve } from "../../scripts/web.mjs";

/**
 * Page tests run in headless Chromium, whose WebGPU is SwiftShader: correct and slow, so pages are tiny. `test` gives each test
 * a fresh browser context and a server of its own, and fails it on any console error or warning, on violations of the
 * Content-Security-Policy, on uncaught errors and on requests to another origin; `complaints.expect` says what a test provokes.
 *
 *     test("finds a colony", async ({ page, site }) => {
 *       await openSection(page, site, "find");
 *       ...
 *       await shot(page, "find-colony");
 *     });
 */

declare module "vitest" {
  interface ProvidedContext {
    pages: { readonly chromium: string | null; readonly web: string; readonly embedding: string };
  }
}

/** What the page complained of. */
export class Complaints {
  readonly all: string[] = [];
  private readonly expected: RegExp[] = [];

  /** Such complaints are what the test provokes. */
  expect(pattern: RegExp): void {
    this.expected.push(pattern);
  }

  get unexpected(): string[] {
    return this.all.filter((text) => !this.expected.some((pattern) => pattern.test(text)));
  }
}

/** ENGINE facts: these flags give WebGPU without a GPU; nothing but localhost resolves. */
const flags = [
  "--headless=new",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
];

interface PageFixtures {
  /** The demo, as `npm run demo:web` serves it. */
  readonly site: Served;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly complaints: Complaints;
}

/** vitest's `test` with a page. Without Chromium its tests are skipped with one reason; under CI that is a failure. */
export const test = base.extend<PageFixtures & { readonly browser: Browser }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures that are needed from this pattern
  complaints: async ({}, use) => {
    const complaints = new Complaints();
    await use(complaints);
    if (complaints.unexpected.length > 0)
      throw new Error(`the page complained:\n  ${complaints.unexpected.join("\n  ")}`);
  },
  browser: [
    // biome-ignore lint/correctness/noEmptyPattern: as above
    async ({}, use) => {
      const browser = await launch();
      await use(browser);
      await browser.close();
    },
    { scope: "file" },
  ],
  site: async ({ skip }, use) => {
    if (!available()) skip(`no Chromium for the page tests: ${CHROMIUM_FIX}`);
    const site = await serve(inject("pages").web);
    await use(site);
    await site.close();
  },
  context: async ({ browser, complaints, site }, use) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
    await watch(context, complaints, new URL(site.url).hostname);
    await use(context);
    await context.close();
  },
  page: async ({ context }, use) => use(await context.newPage()),
});

function available(): boolean {
  if (inject("pages").chromium) return true;
  if (process.env.CI) throw new Error(`no Chromium for the page tests: ${CHROMIUM_FIX}`);
  return false;
}

/** @param more flags, or none of those that give WebGPU */
export function launch(
  more: { readonly args?: readonly string[]; readonly without?: readonly string[] } = {},
): Promise<Browser> {
  const { args = [], without = [] } = more;
  const all = [...flags.filter((flag) => !without.includes(flag)), ...args];
  return chromium.launch({ executablePath: inject("pages").chromium ?? "", args: all, headless: true });
}

/** A browser as a person has it: Playwright keeps the tabs of its own for ever in front. */
export interface PlainBrowser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/**
 * A browser whose tabs go into the background when another is in front, with timers throttled as browsers do it: Playwright's own emulate that
 * each of them has the focus. Its one context is the user's; it has no downloads.
 * @param args further flags
 */
export async function launchPlain(args: readonly string[] = []): Promise<PlainBrowser> {
  const profile = mkdtempSync(join(tmpdir(), "equipoise-chromium-"));
  const own = ["--remote-debugging-port=0", `--user-data-dir=${profile}`, ...args, "about:blank"];
  const child = spawn(inject("pages").chromium ?? "", [...flags, ...own], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const browser = await chromium.connectOverCDP(await endpointOf(child), { noDefaults: true });
  return {
    context: browser.contexts()[0] as BrowserContext,
    close: async () => {
      await browser.close();
      child.kill();
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Where a browser with `--remote-debugging-port=0` says that it listens. */
function endpointOf(child: ChildProcessByStdio<null, null, Readable>): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
      const [, address] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
      if (address) resolve(address);
    });
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`the browser ended with code ${code}: ${said}`)));
  });
}

/** Takes down what pages and workers of a context complain of. @param host the only one that may be asked for anything */
export async function watch(context: BrowserContext, complaints: Complaints, host: string): Promise<void> {
  const note = (text: string) => complaints.all.push(text);
  context.on("console", (message) => {
    const kind = message.type();
    const { url } = message.location();
    if (kind === "error" || kind === "warning" || kind === "assert")
      note(`console ${kind}: ${message.text()} (${url})`);
    if (message.text().startsWith(violationMark)) note(message.text());
  });
  context.on("weberror", (error) => note(`uncaught: ${error.error().stack ?? error.error().message}`));
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (!["blob:", "data:"].includes(url.protocol) && url.hostname !== host) note(`request to another origin: ${url}`);
  });
  await context.addInitScript(reportViolations, violationMark);
}

const violationMark = "CSP violation:";

/** Runs in the page. */
function reportViolations(mark: string): void {
  addEventListener("securitypolicyviolation", (event) =>
    console.log(mark, event.violatedDirective, event.blockedURI, event.sourceFile ?? ""),
  );
}

/** How long a test waits for the GPU, ms: SwiftShader compiles for seconds, and the machine may have other things to do. */
export const patience = 200_000;

/** Opens a section of the demo and waits until the GPU is ready. SwiftShader needs seconds to start. */
export async function openSection(
  page: Page,
  site: Served,
  section: "find" | "classify" | "train" | "inside",
): Promise<void> {
  await page.goto(`${site.url}#${section}`);
  await page.locator("footer .device.ready").waitFor({ timeout: patience });
}

/** Nothing of what is shown is wider than a phone. */
export async function expectPhoneWidth(page: Page): Promise<void> {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  if (before) await page.setViewportSize(before);
}

/** A screenshot for human eyes, in `.cache/screenshots`, where EQUIPOISE_SCREENSHOTS=1 asks for them. */
export async function shot(page: Page, name: string, options: { readonly fullPage?: boolean } = {}): Promise<void> {
  if (!process.env.EQUIPOISE_SCREENSHOTS) return;
  const folder = join(import.meta.dirname, "../../.cache/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: options.fullPage ?? true });
}
