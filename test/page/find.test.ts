import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import type { Download, Page } from "playwright-core";
import { PNG } from "pngjs";
import { expect } from "vitest";
import { parseCsv } from "../../pipeline/data/csv.js";
import { openSection, shot, test } from "./browser.js";

/** The section Find in Chromium: masks equal those of OpenCV, scikit-image and SciPy, which Node's equal too (test/pipeline/detect). */

const fixtures = join(import.meta.dirname, "../fixtures");
interface Expected {
  readonly stages: { readonly final: string };
  readonly objects: readonly (readonly number[])[];
}
type Case = { readonly name: string } & Record<"text" | "code", Expected>;
const cases = JSON.parse(readFileSync(join(fixtures, "detect/cases.json"), "utf8")) as Case[];
const image = (name: string) => join(fixtures, "detect", `${name}.png`);
const patience = { timeout: 240_000 };

async function contentOf(download: Download): Promise<Buffer> {
  const file = await download.path();
  return readFileSync(file);
}

async function give(page: Page, files: Parameters<ReturnType<Page["locator"]>["setInputFiles"]>[0]): Promise<void> {
  await page.locator("#section-find input[type=file]").setInputFiles(files);
}

async function download(page: Page, name: RegExp): Promise<Download> {
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.locator("#section-find").getByRole("button", { name }).click(),
  ]);
  return file;
}

async function maskDigest(page: Page): Promise<string> {
  const { width, height, data } = PNG.sync.read(await contentOf(await download(page, /Mask of this image/)));
  const mask = Uint8Array.from({ length: width * height }, (_, i) => data[i * 4] as number);
  return createHash("sha256").update(mask).digest("hex");
}

test.for(["cell", "synth1"])(
  "%s: masks in both orders are those of Python, bit for bit, and the table says what the command's says",
  { timeout: 600_000 },
  async (name, { page, site }) => {
    const expected = cases.find((one) => one.name === name) as Case;
    await openSection(page, site, "find");
    await give(page, image(name));
    const summary = page.locator(".find-main .summary");
    for (const order of ["text", "code"] as const) {
      const { objects, stages } = expected[order];
      if (order === "code") {
        await page.getByText("Options of the detection").click();
        await page.getByLabel("Order").selectOption("code");
        await page.getByRole("button", { name: "Find again" }).click();
      }
      await summary.filter({ hasText: `${objects.length} colonies in ${name}.png` }).waitFor(patience);
      await page.locator("#section-find .progress").waitFor({ state: "detached", ...patience });
      expect(await maskDigest(page)).toBe(stages.final);
      const table = parseCsv(String(await contentOf(await download(page, /Table/))), "colonies.csv");
      const boxes = table.rows.map(({ values: v }) =>
        [v.min_row, v.min_col, v.max_row, v.max_col, v.area, v.mean_intensity, v.mean_entropy].map(Number),
      );
      expect(boxes).toHaveLength(objects.length);
      for (const [i, box] of boxes.entries())
        for (const [k, value] of box.entries()) expect(value).toBeCloseTo(objects[i]?.[k] as number, 6);
      expect(table.rows[0]?.values.file).toBe(`${name}.png`);
    }
    const zip = unzipSync(await contentOf(await download(page, /ZIP/)));
    expect(Object.keys(zip)).toHaveLength(3 + 2 * expected.code.objects.length);
    expect(zip[`images/Unlabelled/${name}_1.png`]?.length).toBeGreaterThan(100);
    await shot(page, `find-${name}`);
  },
);

test("stages, the list, and the image by keyboard", { timeout: 600_000 }, async ({ page, site }) => {
  await openSection(page, site, "find");
  const [chooser] = await Promise.all([
    page.waitForEvent("filechooser"),
    page
      .getByRole("button", { name: "Choose images" })
      .focus()
      .then(() => page.keyboard.press("Enter")),
  ]);
  await chooser.setFiles([image("synth1"), join(fixtures, "images/grey16.png"), join(fixtures, "images/rgb420.jpg")]);
  await page.locator(".well-list li").nth(2).waitFor(patience);
  await page.locator("#section-find .progress").waitFor({ state: "detached", ...patience });
  expect(await page.locator(".problem").count()).toBe(0);
  const canvas = page.locator("#section-find canvas").first();
  const drawn = () => canvas.evaluate((element) => (element as HTMLCanvasElement).toDataURL());
  const before = await drawn();
  await canvas.focus();
  await page.keyboard.press("+");
  await page.keyboard.press("ArrowRight");
  await expect.poll(drawn, patience).not.toBe(before);
  await page.keyboard.press("0");
  await expect.poll(drawn, patience).toBe(before);
  await page.locator(".well-view select").selectOption("entropy");
  await page.getByText("Computing it again").waitFor({ state: "detached", ...patience });
  await expect.poll(drawn, patience).not.toBe(before);
  await shot(page, "find-entropy");
  await page.getByRole("button", { name: "2", exact: true }).press("Enter");
  await expect.poll(() => page.locator("tr.shown th").textContent(), patience).toBe("2");
  await page.getByRole("button", { name: /Remove rgb420.jpg/ }).press("Enter");
  await expect.poll(() => page.locator(".well-list li").count(), patience).toBe(2);

  await page.locator('nav a[href="#train"]').click();
  const use = page.getByRole("button", { name: /^Use \d+ colon(y|ies) from Find/ });
  const count = Number(/\d+/.exec((await use.textContent()) ?? "")?.[0]);
  expect(count).toBeGreaterThanOrEqual(3);
  await use.click();
  const found = page.getByText(`${count} images: 0 labelled`);
  await found.waitFor();
  // No colony twice: one of the two could be trained on, and the other be the test.
  await use.click();
  expect(await found.count()).toBe(1);
});

test("what cannot be read is refused with the reason, and the rest goes on", async ({ page, site }) => {
  const folder = mkdtempSync(join(tmpdir(), "equipoise-find-"));
  try {
    const huge = join(folder, "huge.tif");
    writeFileSync(huge, "II*\0");
    truncateSync(huge, 2 ** 30);
    const cut = join(folder, "cut.png");
    writeFileSync(cut, readFileSync(image("cell")).subarray(0, 9000));
    const text = join(folder, "notes.png");
    writeFileSync(text, "these are no pixels");
    await openSection(page, site, "find");
    await give(page, [huge, cut, text, image("odd")]);
    await page.locator(".problem").nth(2).waitFor(patience);
    const said = await page.locator(".problem p").allTextContents();
    expect(said[0]).toMatch(/huge\.tif: has 1\.1 GB, more than the 512 MB that this page reads/);
    expect(said[1]).toMatch(/cut\.png: the PNG is damaged or cut short/);
    expect(said[2]).toMatch(/notes\.png: is no PNG, JPEG or TIFF file/);
    await page.locator(".find-main .summary").filter({ hasText: "in odd.png" }).waitFor(patience);
    await shot(page, "find-refused");

    for (const [input, kind, reason] of [
      [".dropzone input", "tif", "more than the 512 MB that this page reads"],
      [".run-file", "zip", "a page opens up to 1.0 GB"],
    ] as const) {
      const file = join(folder, `larger.${kind}`);
      renameSync(kind === "tif" ? huge : join(folder, "larger.tif"), file);
      await page.locator(`#section-train ${input}`).setInputFiles(file);
      await page
        .locator(".problem", { hasText: `larger.${kind}: has 1.1 GB` })
        .filter({ hasText: reason })
        .waitFor(patience);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a file's name is text, whatever it looks like", async ({ page, site }) => {
  await openSection(page, site, "find");
  const name = "<img src=x onerror=document.title='run'><script>alert(1)<!--.png";
  await give(page, { name, mimeType: "image/png", buffer: readFileSync(image("odd")) });
  await page.locator(".find-main .summary").waitFor(patience);
  expect(await page.locator(".well-list .name").textContent()).toBe(name);
  expect(await page.locator("#section-find img, #section-find script").count()).toBe(0);
  expect(await page.title()).not.toBe("run");
  await shot(page, "find-script-name");
});
