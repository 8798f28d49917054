import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runZip } from "../../demo/web/worker/train/archive.js";
import { type LabelledSet, pageData } from "../../demo/web/worker/train/images.js";
import { reportRun } from "../../demo/web/worker/train/report.js";
import { writeReport } from "../../pipeline/report/index.js";
import { fakeRun } from "../support/fakeRun.js";
import { memoryFiles, memoryImages, memoryStore } from "../support/memoryRun.js";

let parent: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "page-report-"));
});
afterAll(() => rm(parent, { recursive: true }));

/** A class that a spreadsheet would run as a formula: the table of predictions writes its files with "./" in front. */
const formula = "=1+1";

/** A run and its images as the page has them. */
async function pageRun(): Promise<{ files: Map<string, Uint8Array<ArrayBuffer>>; set: LabelledSet }> {
  const { run, data } = await fakeRun(parent, { pretrainSteps: 60, epochs: 4, stepsPerEpoch: 10 });
  const files = await memoryFiles(run);
  const change = (name: string, to: (text: string) => string) =>
    files.set(name, new TextEncoder().encode(to(new TextDecoder().decode(files.get(name)))));
  change("environment.json", (text) => text.replace(/"root": "[^"]*"/, '"root": "data"'));
  change("predictions.csv", (text) =>
    text.replaceAll("\r\nDebris/", `\r\n./${formula}/`).replaceAll("\r\nDense/", "\r\nimages/Dense/"),
  );
  const images = await memoryImages(data);
  const ids = [...images.keys()].map((id) => id.replace(/^Debris\//, `${formula}/`));
  return {
    files,
    set: {
      images: [...images].map(([name, image]) => ({ name, image, mask: null })),
      labels: ids.map(dirname),
      ids,
    },
  };
}

test("the report in the page is that of its unpacked ZIP file, byte for byte", async () => {
  const { files, set } = await pageRun();
  const folder = join(parent, "equipoise-run");
  for (const [name, bytes] of Object.entries(unzipSync(runZip(files, pageData(set))))) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  const page = await reportRun({ store: memoryStore(files), set });
  expect(page).toBe(await readFile(await writeReport(folder), "utf8"));
  expect(page.match(/<img /g)?.length).toBeGreaterThan(28);
  expect(page).toMatch(/<img src="data:image\/png;base64,[^"]+" alt="\.\/=1\+1\//);
  expect(page).not.toContain(">gone<");
});
