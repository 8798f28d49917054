import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import type { AdapterInfo, ChoiceRecord } from "../../engine/index.js";
import { openChoices } from "../../pipeline/tuning/store.js";
import { openSection, patience, shot, test } from "./browser.js";
import { addImages, chooseTiny, keptFiles, keptMetrics, labelByKeys, start, state, stored } from "./stripes.js";

const steps = 60;
const options = [`pretrain.steps=${steps}`, "pretrain.stepsPerEpoch=20", "finetune.enabled=false"];

interface Kept {
  readonly adapter: string;
  readonly kernels: string;
  readonly choices: ChoiceRecord;
}

/** What the tuner has kept in the browser: name and content. */
async function keptChoices(page: Page): Promise<[name: string, kept: Kept]> {
  const texts = Object.entries(await stored(page, "equipoise-tuning", "choices"));
  expect(texts).toHaveLength(1);
  const [name, text] = texts[0] as [string, string];
  return [name, JSON.parse(text)];
}

/** Puts choices into the browser, as another tuning would, or what is none. */
async function putText(page: Page, name: string, text: string): Promise<void> {
  await page.evaluate(
    ([name, text]) =>
      new Promise<void>((resolve, reject) => {
        const opening = indexedDB.open("equipoise-tuning");
        opening.onsuccess = () => {
          const { result: db } = opening;
          const change = db.transaction("choices", "readwrite");
          change.objectStore("choices").put(text, name);
          change.oncomplete = () => {
            db.close();
            resolve();
          };
          change.onerror = () => reject(change.error);
        };
      }),
    [name, text],
  );
}

/** Kernels that SwiftShader compiles fast, other than those that are given; the first layer's gradient is added up in another order. */
const others: Readonly<Record<string, string>> = {
  "register-4x8": "register-8x8",
  "register-8x8": "register-4x8",
  "rows-4x8": "register-4x8",
  "rows-9x4": "register-3x4",
};

function changed(choices: ChoiceRecord): ChoiceRecord {
  const swap = ([key, name]: [string, string]) =>
    [key, /^(gemm|conv2d-first)/.test(key) ? (others[name] ?? name) : name] as const;
  return Object.fromEntries(Object.entries(choices).map(swap));
}

async function train(page: Page): Promise<void> {
  await page.getByLabel("Learn from").selectOption("labels");
  await chooseTiny(page, options);
  await start(page);
}

async function finished(page: Page): Promise<{ tuning: ChoiceRecord; metrics: unknown[] }> {
  await expect.poll(() => state(page).textContent(), { timeout: patience }).toBe("Finished.");
  const { "tuning.json": tuning = "" } = await keptFiles(page);
  return { tuning: JSON.parse(tuning), metrics: await keptMetrics(page) };
}

async function show(page: Page, section: "train" | "inside"): Promise<void> {
  await page.locator(`nav a[href="#${section}"]`).click();
}

/** The digest of the kernels under which Node keeps its choices. */
async function digestInNode(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "equipoise-tuning-"));
  try {
    const store = await openChoices({ device: "any" } as AdapterInfo, folder);
    await store.save({});
    return JSON.parse(readFileSync(store.place, "utf8")).kernels;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("tuning is kept in the browser; runs that begin afterwards use and record it, and go on with it when it is forgotten", {
  timeout: 400_000,
}, async ({ page, site }) => {
  await openSection(page, site, "train");
  await addImages(page);
  await labelByKeys(page);
  await train(page);
  const untuned = await finished(page);

  await show(page, "inside");
  const panel = page.locator("#section-inside .tuning");
  await panel.getByText("Nothing is tuned for this GPU yet").waitFor({ timeout: patience });
  await panel.getByRole("button", { name: "Tune for this GPU" }).click();
  await panel.getByText(/^Tuned for this GPU: \d+ shapes, kept in this browser/).waitFor({ timeout: patience });
  expect(await panel.locator(".tuned tbody tr").count()).toBeGreaterThan(2);
  await shot(page, "inside-tuned");
  const [name, kept] = await keptChoices(page);
  expect(kept.adapter).toMatch(/swiftshader/i);
  expect(kept.kernels).toBe(await digestInNode());
  // What a step of this training computes is tuned; evaluating has shapes of its own.
  expect(Object.keys(untuned.tuning)).toEqual(expect.arrayContaining(Object.keys(kept.choices)));

  // The clock decides what the tuner finds: other kernels than the defaults are put in its place.
  const choices = changed(untuned.tuning);
  expect(choices).not.toEqual(untuned.tuning);
  await putText(page, name, JSON.stringify({ ...kept, choices }));
  await page.reload();
  await show(page, "train");
  await page.getByText("26 images: 8 labelled, 18 without a label").waitFor();
  await train(page);
  const tuned = await finished(page);
  expect(tuned.tuning).toEqual(choices);
  expect(tuned.metrics).not.toEqual(untuned.metrics);

  await start(page);
  const done = async () => Number(/: (\d+) of /.exec((await state(page).textContent()) ?? "")?.[1] ?? 0);
  await expect.poll(done, { timeout: patience }).toBeGreaterThan(2);
  await page.getByRole("button", { name: "Pause" }).dispatchEvent("click");
  await expect.poll(() => state(page).textContent(), { timeout: patience }).toMatch(/Paused/);
  await show(page, "inside");
  await panel.getByRole("button", { name: "Forget what was tuned" }).click();
  await panel.getByText("Nothing is tuned for this GPU yet").waitFor();
  expect(await stored(page, "equipoise-tuning", "choices")).toEqual({});
  await page.reload();
  await show(page, "train");
  await page.locator("footer .device.ready").waitFor({ timeout: patience });
  await page.getByRole("button", { name: "Go on" }).click();
  expect(await finished(page)).toEqual(tuned);

  await train(page);
  expect(await finished(page)).toEqual(untuned);
});

test("tuning for a step of Inside can be stopped; choices that are damaged are said, not used, and replaced", async ({
  page,
  site,
}) => {
  await openSection(page, site, "inside");
  const panel = page.locator("#section-inside .tuning");
  const tune = panel.getByRole("button", { name: "Tune for this GPU" });
  await page.getByLabel("Images per step").selectOption("8");
  await panel.getByLabel("Sizes of").selectOption("step");
  await tune.click();
  await panel.getByRole("button", { name: "Stop" }).click();
  await panel.locator(".progress").waitFor({ state: "detached", timeout: patience });
  expect(await page.locator(".problem").count()).toBe(0);
  await panel.getByText("Nothing is tuned for this GPU yet").waitFor();

  await tune.click();
  await panel.getByText(/^Tuned for this GPU: \d+ shapes/).waitFor({ timeout: patience });
  const [name, { choices }] = await keptChoices(page);
  expect(Object.keys(choices).join()).toMatch(/conv2d-first-forward .* rows256 cols32/);
  await putText(page, name, "{ no json");
  await page.reload();
  await page.locator(".problem", { hasText: /cannot be read and is not used .*tune again to replace it/ }).waitFor();
  await panel.getByText("Nothing is tuned for this GPU yet").waitFor();
  await panel.getByLabel("Sizes of").selectOption("step");
  await page.getByLabel("Images per step").selectOption("8");
  await tune.click();
  await panel.getByText(/^Tuned for this GPU: \d+ shapes/).waitFor({ timeout: patience });
  const [, again] = await keptChoices(page);
  expect(Object.keys(again.choices)).toEqual(Object.keys(choices));
});
