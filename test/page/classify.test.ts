import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { pageWorkspace } from "../../demo/web/worker/train/training.js";
import type { Device } from "../../engine/index.js";
import { parseSafetensors, writeSafetensors } from "../../models/index.js";
import { classMap, defaultStride } from "../../pipeline/classMap/classMap.js";
import { parseCsv } from "../../pipeline/data/csv.js";
import { colonyMask, crop, cropName } from "../../pipeline/detect/colony.js";
import { detect } from "../../pipeline/detect/detect.js";
import { readImage, toGrey8 } from "../../pipeline/images/index.js";
import { classify, softmaxOf } from "../../pipeline/run/classify.js";
import { readWeights } from "../../pipeline/weights.js";
import { swiftShaderDevice } from "../support/device.js";
import { openSection, shot, test } from "./browser.js";

/** The section Classify in Chromium against the same code in Node, both on SwiftShader: the same kernels give the same bits. */

const assets = join(import.meta.dirname, "../../demo/web/assets");
const weightsFile = join(assets, "colonies.safetensors");
const image = join(import.meta.dirname, "../fixtures/detect/synth1.png");
const patience = { timeout: 240_000 };

/** What Node makes of the image. */
async function inNode(device: Device, patches: number) {
  const { pages } = await readImage(readFileSync(image), "synth1.png");
  const { pixels, w, h } = toGrey8(pages[0]!);
  const { colonies, mask } = await detect(device, pixels, { w, h });
  const crops = colonies.map((colony, i) => {
    const [height, width] = [colony.maxRow - colony.minRow, colony.maxCol - colony.minCol];
    const picture = (values: Uint8Array) => ({ width, height, pixels: values });
    return {
      name: cropName("synth1", i),
      image: picture(crop(pixels, w, colony)),
      mask: picture(colonyMask(mask, w, colony)),
    };
  });
  const { tensors, config, classes } = readWeights(readFileSync(weightsFile), "the network");
  const ws = pageWorkspace(device, config, classes, crops, false);
  const network = ws.network("student");
  network.loadStateDict(tensors, "the network");
  const all = crops.map((_, i) => i);
  const rows = await classify(ws, network, all, { patches });
  const { size, minForeground } = config.patch;
  const options = { classes: classes.length, size, stride: defaultStride(size), minForeground, batch: ws.views };
  const map = await classMap(crops[0]!.image, crops[0]!.mask, options, (cut) => softmaxOf(ws, network, cut));
  network.release();
  await ws.release();
  return { crops, rows, classes, map };
}

async function found(page: Page): Promise<void> {
  await page.locator("#section-find input[type=file]").setInputFiles(image);
  await page.locator(".find-main .summary").filter({ hasText: "3 colonies" }).waitFor(patience);
  await page.locator('nav a[href="#classify"]').click();
}

const network = (page: Page) => page.locator("#section-classify .network");

test("the page's network: classes, probabilities and the class map are Node's; the most uncertain colony comes first", {
  timeout: 600_000,
}, async ({ page, site, skip }) => {
  const expected = await inNode(await swiftShaderDevice({ skip }), 5);
  await openSection(page, site, "find");
  await found(page);
  await network(page).getByText("122,308 parameters").waitFor(patience);
  await page.getByRole("button", { name: "Classify 3 colonies" }).click();
  await page.locator("table.verdicts").waitFor(patience);
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: /Predictions/ }).click(),
  ]);
  const table = parseCsv(readFileSync(await file.path(), "utf8"), "predictions.csv");
  expect(table.rows.map(({ values }) => values.file)).toEqual(expected.crops.map(({ name }) => name));
  // All digits that the table holds.
  for (const [i, { values }] of table.rows.entries())
    for (const [c, name] of expected.classes.entries())
      expect(values[`p_${name}`]).toBe(String(Number(expected.rows[i]?.[c]?.toPrecision(7))));
  const uncertainty = await page.locator("table.verdicts td.number").allTextContents();
  expect(uncertainty.map(Number)).toEqual(uncertainty.map(Number).sort((a, b) => b - a));
  await shot(page, "classify");
  await page.getByRole("button", { name: "Class map of colony 1 of synth1" }).press("Enter");
  await page.locator("section.map").waitFor(patience);
  const areas = await page.locator("section.map td:last-child").allTextContents();
  const pixels = areas.map((text) => Number(text.replaceAll(",", "")));
  expect(pixels.reduce((a, b) => a + b, 0)).toBe(expected.map.total);
  expect(pixels).toEqual([...expected.map.pixels]);
  const [labels] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Labels (TIFF)" }).click(),
  ]);
  expect(labels.suggestedFilename()).toBe("synth1_1_labels.tif");
  const read = await readImage(readFileSync(await labels.path()), "labels.tif");
  const counts = new Array<number>(expected.classes.length + 1).fill(0);
  for (const value of read.pages[0]!.data) counts[value]!++;
  expect(counts.slice(1)).toEqual(pixels);
  await shot(page, "classify-map");
});

test("a network of one's own: one file will do; an older one needs its config.json; others are refused", async ({
  page,
  site,
}) => {
  const bytes = readFileSync(weightsFile);
  const { tensors, metadata } = parseSafetensors(bytes);
  const { config = "", ...older } = metadata;
  const file = (name: string, buffer: Uint8Array) => ({
    ...{ name, mimeType: "application/octet-stream", buffer: Buffer.from(buffer) },
  });
  const give = (...files: ReturnType<typeof file>[]) =>
    page.locator("#section-classify input[type=file]").setInputFiles(files);
  await openSection(page, site, "classify");
  await network(page).getByText("The network of this page").waitFor(patience);
  await shot(page, "classify-no-colonies");
  await give(file("mine.safetensors", bytes));
  await network(page).locator("strong").filter({ hasText: "mine.safetensors" }).waitFor(patience);
  await give(file("old.safetensors", writeSafetensors(tensors, older)));
  await page.getByText(/old\.safetensors: does not hold the configuration.*config\.json/).waitFor(patience);
  await give(file("old.safetensors", writeSafetensors(tensors, older)), file("config.json", Buffer.from(config)));
  await network(page).locator("strong").filter({ hasText: "old.safetensors" }).waitFor(patience);
  await give(file("cut.safetensors", bytes.subarray(0, 5000)));
  await page.getByText(/cut\.safetensors: not a valid safetensors file/).waitFor(patience);
  const other = { ...metadata, config: JSON.stringify({ ...JSON.parse(config), width: 0.25 }) };
  await give(file("other.safetensors", writeSafetensors(tensors, other)));
  await page.getByText(/other\.safetensors: .*(shape|expects|has)/).waitFor(patience);
  await network(page).locator("strong").filter({ hasText: "old.safetensors" }).waitFor(patience);
  await shot(page, "classify-refused");
});
