import type { BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";
import type { Served } from "../../scripts/web.mjs";
import { type Complaints, launchPlain, openSection, shot, test, watch } from "./browser.js";
import { addImages, chooseTiny, keptLabels, keptMetrics, labelByKeys, start, state } from "./stripes.js";

/** Training in a tab that is not looked at: browsers throttle its timers, draw no frames, and may freeze it. */

const steps = 120;
const options = [`pretrain.steps=${steps}`, "pretrain.stepsPerEpoch=40", "finetune.enabled=false"];
/** Timers of a tab wake up once a minute as soon as it is out of sight: elsewhere that is so after five minutes. */
const strict = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1";

async function stepsDone(page: Page): Promise<number> {
  const text = (await state(page).textContent()) ?? "";
  return text === "Finished." ? steps : Number(/: (\d+) of /.exec(text)?.[1] ?? 0);
}

/** Points of the curves on the screen. */
async function drawnPoints(page: Page): Promise<number[]> {
  const curves = page.locator(".run-charts polyline");
  return curves.evaluateAll((all) => all.map((curve) => curve.getAttribute("points")?.split(" ").length ?? 0));
}

/** Counts the page's frames from now on. */
function countFrames(page: Page) {
  return page.evaluateHandle(() => {
    const frames = { count: 0 };
    const next = () => {
      frames.count++;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
    return frames;
  });
}

/** Train here with the images of the tests. */
async function pageWithImages(context: BrowserContext, site: Served, complaints: Complaints): Promise<Page> {
  await watch(context, complaints, "localhost");
  const page = await context.newPage();
  await openSection(page, site, "train");
  await addImages(page);
  return page;
}

test("a training goes on out of sight and after a freeze, to the same losses; the view catches up", {
  timeout: 400_000,
}, async ({ site, complaints }) => {
  const browser = await launchPlain([strict]);
  try {
    const { context } = browser;
    const page = await pageWithImages(context, site, complaints);
    await labelByKeys(page);
    await page.getByLabel("Learn from").selectOption("labels");
    await chooseTiny(page, options);
    await start(page);
    await expect.poll(() => state(page).textContent(), { timeout: 200_000 }).toBe("Finished.");
    const undisturbed = await keptMetrics(page);

    await start(page);
    await expect.poll(() => stepsDone(page), { timeout: 100_000 }).toBeGreaterThan(2);
    const other = await context.newPage();
    await other.bringToFront();
    expect(await page.evaluate(() => document.visibilityState)).toBe("hidden");
    const hiddenAt = await stepsDone(page);
    const frames = await countFrames(page);
    await expect.poll(() => stepsDone(page), { timeout: 60_000 }).toBeGreaterThan(hiddenAt + 10);
    expect(await page.evaluate(() => document.visibilityState)).toBe("hidden");
    expect(await frames.jsonValue(), "nothing is drawn").toEqual({ count: 0 });

    // Frozen, nothing runs but what the tests ask; what was under way goes on when the page thaws.
    const session = await context.newCDPSession(page);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    const [frozenAt, drawn] = [await stepsDone(page), await drawnPoints(page)];
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([await stepsDone(page), await drawnPoints(page)]).toEqual([frozenAt, drawn]);
    expect(frozenAt).toBeLessThan(steps);
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await page.bringToFront();
    expect(await page.evaluate(() => document.visibilityState)).toBe("visible");
    await expect.poll(() => state(page).textContent(), { timeout: 100_000 }).toBe("Finished.");
    expect(await keptMetrics(page)).toEqual(undisturbed);
    expect(await drawnPoints(page)).toEqual([steps]);
    await shot(page, "train-background");
  } finally {
    await browser.close();
  }
});

test("labels are kept as soon as the page is out of sight, where timers sleep", async ({ site, complaints }) => {
  const browser = await launchPlain();
  try {
    const { context } = browser;
    const page = await pageWithImages(context, site, complaints);
    await expect.poll(() => keptLabels(page)).toHaveLength(26);
    await page.evaluate(() => {
      window.setTimeout = (() => 1) as unknown as typeof setTimeout;
    });
    await labelByKeys(page);
    expect((await keptLabels(page)).filter((label) => label !== null)).toEqual([]);
    await (await context.newPage()).bringToFront();
    expect(await page.evaluate(() => document.visibilityState)).toBe("hidden");
    await expect
      .poll(async () => (await keptLabels(page)).slice(0, 9))
      .toEqual(["Along", "Across", "Along", "Across", "Along", "Across", "Along", "Across", null]);
  } finally {
    await browser.close();
  }
});

test("two tabs share one run: what the other would do to it while this one trains is refused, and it ends undisturbed", {
  timeout: 400_000,
}, async ({ page, context, site }) => {
  await openSection(page, site, "train");
  await addImages(page);
  await labelByKeys(page);
  await page.getByLabel("Learn from").selectOption("labels");
  await chooseTiny(page, [`pretrain.steps=${2 * steps}`, "pretrain.stepsPerEpoch=20", "finetune.enabled=false"]);
  await start(page);
  await expect.poll(() => stepsDone(page), { timeout: 100_000 }).toBeGreaterThan(2);

  const other = await context.newPage();
  await openSection(other, site, "train");
  await expect.poll(() => state(other).textContent()).toMatch(/Paused/);
  await other.getByRole("button", { name: "Go on" }).click();
  await expect.poll(() => state(other).textContent()).toMatch(/another tab of this page is training/);
  await shot(other, "train-two-tabs");
  await other.getByRole("button", { name: "Remove this run" }).click();
  await other.getByRole("button", { name: "Remove it for good" }).click();
  await other.locator(".problem", { hasText: "another tab of this page is training" }).waitFor();
  expect(await state(page).textContent(), "still training").toMatch(/ of /);

  await expect.poll(() => state(page).textContent(), { timeout: 200_000 }).toBe("Finished.");
  expect(await drawnPoints(page)).toEqual([2 * steps]);
  await other.getByRole("button", { name: "Go on" }).click();
  await expect.poll(() => state(other).textContent(), { timeout: 100_000 }).toBe("Finished.");
  expect(await drawnPoints(other)).toEqual([2 * steps]);
});
