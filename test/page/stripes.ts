import type { Page } from "playwright-core";
import { expect } from "vitest";
import type { TrainImage } from "../../demo/web/worker/train/images.js";
import { Rng } from "../../engine/rng.js";
import { encodeGrey } from "../../pipeline/data/png.js";

/** What the tests of the section Train here train on, and how they do it in the page. */

/** 8 images that will be labelled, and 18 that will not: fine stripes along or across, with noise. */
export const images: readonly TrainImage[] = Array.from({ length: 26 }, (_, i) => {
  const rng = new Rng(1, `test/page/train ${i}`);
  const [height, width] = [18 + (i % 3), 20];
  const pixels = Uint8Array.from({ length: height * width }, (_, p) => {
    const at = i % 2 === 0 ? p % width : Math.floor(p / width);
    return 40 + rng.int(80) + (at % 4 < 2 ? 100 : 0);
  });
  return { name: `stripes ${String(i).padStart(2, "0")}.png`, image: { height, width, pixels }, mask: null };
});
/** The classes of {@link images}; null: not labelled. */
export const labels = images.map((_, i) => (i >= 8 ? null : i % 2 === 0 ? "Along" : "Across"));
const files = images.map(({ name, image }) => ({ name, mimeType: "image/png", buffer: encodeGrey(image) }));

/** The smallest network there is: SwiftShader computes, and first of all compiles, slowly. */
export const tiny = ["width=0.0625", "patch.size=16", "batch=4", "train.stepsPerEpoch=3", "workers=0", "logEvery=1"];

/** Writes these options into the form, behind those of {@link tiny}. */
export async function chooseTiny(page: Page, more: readonly string[]): Promise<void> {
  await page.locator(".more summary").click();
  await page.locator(".more textarea").fill([...tiny, ...more].join("\n"));
}

/** How the run is. */
export const state = (page: Page) => page.locator(".run .state");

/** Starts a training, and waits until the page says so. */
export async function start(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect.poll(() => state(page).textContent(), { timeout: 60_000 }).not.toBe("Finished.");
}

/** Chooses the images in the page. */
export async function addImages(page: Page): Promise<void> {
  await page.locator("#section-train .dropzone input").setInputFiles(files);
  await page.getByText("26 images: 0 labelled").waitFor();
}

async function addClass(page: Page, name: string): Promise<void> {
  await page.getByLabel("New class").fill(name);
  await page.getByLabel("New class").press("Enter");
}

/** Labels the first eight images by their stripes, with one mistake that is taken back. */
export async function labelByKeys(page: Page): Promise<void> {
  await addClass(page, "Along");
  await addClass(page, "Across");
  await page.locator("#main").focus();
  await page.keyboard.press("2");
  await page.keyboard.press("u");
  for (let i = 0; i < 8; i++) await page.keyboard.press(String(1 + (i % 2)));
  await page.getByText("26 images: 8 labelled, 18 without a label").waitFor();
}

/** What the page's database holds, as text, by key. */
export function stored(page: Page, database: string, table: string): Promise<Record<string, string>> {
  return page.evaluate(
    async ([database, table]) => {
      const done = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const db = await done(indexedDB.open(database as string));
      const store = db.transaction(table as string).objectStore(table as string);
      const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
      db.close();
      const text = (value: unknown) =>
        typeof value === "string" ? value : new TextDecoder().decode(value as Uint8Array);
      return Object.fromEntries(keys.map((key, i) => [String(key), text(values[i])]));
    },
    [database, table],
  );
}

/** The labels that the browser keeps. */
export function keptLabels(page: Page): Promise<(string | null)[]> {
  return page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const db = await done(indexedDB.open("equipoise-train"));
    const kept = await done(db.transaction("images").objectStore("images").get("labels"));
    db.close();
    return kept?.labels ?? [];
  });
}

/** The files of the run that the browser keeps. */
export function keptFiles(page: Page): Promise<Record<string, string>> {
  return stored(page, "equipoise-train", "files");
}

/** The metrics of that run, without what depends on the clock. */
export async function keptMetrics(page: Page): Promise<unknown[]> {
  const { "metrics.jsonl": text = "" } = await keptFiles(page);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => ({ ...JSON.parse(line), seconds: null, hostShare: null }));
}
