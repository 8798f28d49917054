import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { unzipSync, zipSync } from "fflate";
import type { Page } from "playwright-core";
import { afterAll, expect, type TestContext } from "vitest";
import { runZip } from "../../demo/web/worker/train/archive.js";
import { pageConfig } from "../../demo/web/worker/train/config.js";
import { pageData } from "../../demo/web/worker/train/images.js";
import type { RunResult } from "../../pipeline/run/types.js";
import { cli, type MetricsLine, metricsOf, startCli, weightsOf } from "../pipeline/run/support.js";
import { noSwiftShader, swiftShaderDriver } from "../support/device.js";
import { expectPhoneWidth, openSection, shot, test } from "./browser.js";
import { addImages, chooseTiny, images, labelByKeys, labels, state, tiny } from "./stripes.js";

const folder = mkdtempSync(join(tmpdir(), "equipoise-train-page-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Path of what a button downloads. */
async function saved(page: Page, button: string, name: string): Promise<string> {
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).click();
  const file = join(folder, name);
  await (await waiting).saveAs(file);
  return file;
}

function unpack(zip: Uint8Array, to: string): string {
  for (const [name, bytes] of Object.entries(unzipSync(zip))) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    writeFileSync(join(to, name), bytes);
  }
  return to;
}

/** The command's training of the same images with the same options, on the page's kind of adapter: SwiftShader. */
async function trainInNode(
  driver: string,
  more: readonly string[],
  onTestFinished: TestContext["onTestFinished"],
): Promise<string> {
  const config = pageConfig({
    method: "ipb",
    network: "vgg-compact",
    length: "normal",
    more: [...tiny, ...more].join("\n"),
  });
  const text = new TextEncoder().encode(JSON.stringify(config));
  const data = join(folder, "node");
  unpack(runZip(new Map([["config.json", text]]), pageData({ images, labels })), data);
  const out = join(folder, "node-run");
  const options = ["--data", join(data, "data"), "--config", join(data, "config.json"), "--out", out];
  const env = { EQUIPOISE_NO_INSTALL: "1", VK_DRIVER_FILES: driver };
  const { child, ended } = startCli(["train", ...options, "--adapter", "swiftshader", "--yes", "--tune", "off"], env);
  onTestFinished(() => void child.kill("SIGKILL"));
  const { code, stderr } = await ended;
  expect(code, stderr).toBe(0);
  return out;
}

test("ten steps and what they learn are the command's to the last bit; the command tests and reports what was trained here", {
  timeout: 600_000,
}, async ({ page, site, onTestFinished, skip }) => {
  const driver = swiftShaderDriver();
  if (!driver) skip(noSwiftShader);
  const steps = ["pretrain.steps=4", "pretrain.stepsPerEpoch=2", "train.steps=6", "finetune.steps=1"];
  const inNode = trainInNode(driver as string, steps, onTestFinished);
  inNode.catch(() => {}); // seen below
  await openSection(page, site, "train");
  await addImages(page);
  await labelByKeys(page);
  await shot(page, "train-labels");
  await expectPhoneWidth(page);
  await page.getByRole("button", { name: "Clear all labels" }).click();
  await page.getByText("26 images: 0 labelled").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("26 images: 8 labelled, 18 without a label").waitFor();
  await chooseTiny(page, steps);
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect.poll(() => state(page).textContent(), { timeout: 560_000 }).toBe("Finished.");
  await shot(page, "train-done");
  await expectPhoneWidth(page);
  expect(await page.locator("p.unseen[role=status]").textContent(), "said to screen readers").toBe("Finished.");
  const run = unpack(
    readFileSync(await saved(page, "Run with report (ZIP)", "run.zip")),
    join(folder, "equipoise-run"),
  );
  const reportFile = await saved(page, "Report (HTML)", "report.html");
  await expectReport(page, reportFile);
  expect(readFileSync(join(run, "report.html"), "utf8")).toBe(readFileSync(reportFile, "utf8"));
  await page.getByRole("button", { name: "Most uncertain first" }).click();
  await page.getByText(/the network says (Along|Across), uncertainty \d+\s%/).waitFor({ timeout: 60_000 });
  const node = await inNode;
  expectTenSteps(metricsOf(run));
  // The same kernels in the same order on the same kind of adapter: not a tolerance, but the same bits.
  expect(metricsOf(run)).toEqual(metricsOf(node));
  expect(weightsOf(run)).toEqual(weightsOf(node));
  const read = (folder: string, name: string) => readFileSync(join(folder, name), "utf8");
  for (const name of ["predictions.csv", "tuning.json"]) expect(read(run, name)).toBe(read(node, name));
  const report = await cli(["report", run]);
  expect(report.code, report.stderr).toBe(0);
  expect(readFileSync(join(run, "report.html"), "utf8")).toBe(readFileSync(reportFile, "utf8"));
  const evaluated = await cli(["evaluate", run, "--json"]);
  expect(evaluated.code, evaluated.stderr).toBe(0);
  const { student } = JSON.parse(evaluated.stdout) as RunResult;
  const own = JSON.parse(readFileSync(join(run, "result.json"), "utf8")) as RunResult;
  expect(student.n).toBe(own.student.n);
  expect(student.loss).toBeCloseTo(own.student.loss ?? Number.NaN, 3);
});

/** What the report says when it is opened by itself: the page's classes and result, with its pictures, and nothing from elsewhere. */
async function expectReport(page: Page, file: string): Promise<void> {
  const shown = /: ([\d.]+)\s%/.exec((await page.locator(".run .result strong").textContent()) ?? "")?.[1];
  expect(shown).toBeDefined();
  const context = await page
    .context()
    .browser()!
    .newContext({ viewport: { width: 1280, height: 900 } });
  const [requests, complaints]: [string[], string[]] = [[], []];
  context.on("request", (request) => requests.push(request.url()));
  context.on("console", (message) => complaints.push(message.text()));
  try {
    const report = await context.newPage();
    const { href } = pathToFileURL(file);
    await report.goto(href);
    await shot(report, "train-report");
    expect(await report.locator("h1").textContent()).toBe("equipoise-run");
    expect(await report.locator(".tile.student b").textContent()).toBe(`${shown}\u00a0%`);
    const classes = report.locator("#per-class table.per-class").first().locator("tbody th");
    expect(await classes.allTextContents()).toEqual(["Across", "Along"]);
    expect(await report.locator("#images tfoot td").allTextContents()).toEqual(["4", "2", "18", "2"]);
    expect(await report.locator("header .facts").textContent()).toContain("google swiftshader");
    const patches = await report
      .locator("#examples img")
      .evaluateAll((all) => all.map((one) => (one as HTMLImageElement).naturalWidth));
    expect(patches).toEqual([16, 16]);
    expect(await report.locator("#notes").count()).toBe(0);
    expect(await report.locator("script, link, iframe, object").count()).toBe(0);
    expect(requests.filter((url) => !url.startsWith("data:"))).toEqual([href]);
    expect(complaints).toEqual([]);
  } finally {
    await context.close();
  }
}

function expectTenSteps(lines: readonly MetricsLine[]): void {
  const steps = lines.filter(({ kind, step }) => step !== undefined && kind !== "finetune-step");
  expect(steps).toHaveLength(10);
  for (const line of steps)
    for (const field of ["loss", "studentLoss", "teacherLoss"].filter((name) => name in line))
      expect(line[field], `${line.kind} ${line.step}`).toBeGreaterThan(0);
}

test("a run survives a pause, a reload and a lost device, and the command goes on from it", {
  timeout: 600_000,
}, async ({ page, site }) => {
  await openSection(page, site, "train");
  await addImages(page);
  await labelByKeys(page);
  await page.getByLabel("Learn from").selectOption("labels");
  await chooseTiny(page, ["pretrain.steps=160", "pretrain.stepsPerEpoch=4", "finetune.enabled=false"]);
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await reaches(page, 2);
  const soFar = readFileSync(await saved(page, "Report so far (HTML)", "so-far.html"), "utf8");
  expect(soFar).toContain("No test result yet");
  expect(soFar).toContain(">Training loss<");
  await page.getByRole("button", { name: "Pause" }).click();
  await expect.poll(() => state(page).textContent(), { timeout: 100_000 }).toMatch(/Paused/);
  const paused = unpack(readFileSync(await saved(page, "Run with report (ZIP)", "a.zip")), join(folder, "paused"));
  const before = metricsOf(paused).length;

  await page.reload();
  await page.getByText("26 images: 8 labelled, 18 without a label").waitFor();
  expect(await state(page).textContent()).toMatch(/Paused/);
  await page.locator("footer .device.ready").waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await reaches(page, before + 4);

  await page.locator('nav a[href="#inside"]').click();
  await page.getByRole("button", { name: "Lose the GPU now" }).click();
  await page.locator('nav a[href="#train"]').click();
  await expect.poll(() => state(page).textContent(), { timeout: 60_000, interval: 20 }).toMatch(/The GPU was lost/);
  await shot(page, "train-lost");
  await expect.poll(() => state(page).textContent(), { timeout: 400_000 }).toBe("Finished.");
  const run = unpack(readFileSync(await saved(page, "Run with report (ZIP)", "b.zip")), join(folder, "finished"));
  const steps = (lines: MetricsLine[]) => lines.filter(({ kind }) => kind === "pretrain-step");
  expect(steps(metricsOf(run)).map(({ step }) => step)).toEqual(Array.from({ length: 160 }, (_, i) => i + 1));

  await page.getByRole("button", { name: "Remove this run" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Remove this run" }).press("Enter");
  await page.getByRole("button", { name: "Remove it for good" }).click();
  await page.locator("#section-train .run").waitFor({ state: "detached" });
  await page.locator("#section-train .run-file").setInputFiles(join(folder, "b.zip"));
  await expect.poll(() => state(page).textContent()).toBe("Finished.");

  // A folder of the command has its images elsewhere: what it brings along is said.
  const whole = Object.entries(unzipSync(readFileSync(join(folder, "b.zip"))));
  const bare = zipSync(Object.fromEntries(whole.filter(([name]) => !name.startsWith("data/"))));
  const file = { name: "bare.zip", mimeType: "application/zip", buffer: Buffer.from(bare) };
  await page.locator("#section-train .run-file").setInputFiles(file);
  await page.getByText("bare.zip has no images, so its run is not shown. Its network is used from now on").waitFor();

  const resumed = await cli(["resume", paused, "--yes"]);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(steps(metricsOf(paused))).toHaveLength(160);
  expect(existsSync(join(paused, "weights/student.safetensors"))).toBe(true);
});

/** Waits until the training has done more than this many steps. */
async function reaches(page: Page, step: number): Promise<void> {
  const done = async () => Number(/: (\d+) of 160/.exec((await state(page).textContent()) ?? "")?.[1] ?? 0);
  await expect.poll(done, { timeout: 400_000 }).toBeGreaterThan(step);
}
