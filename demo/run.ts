import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { formatEvaluation } from "../cli/format.js";
import { interruptible } from "../cli/interrupt.js";
import { actions } from "../cli/lazyActions.js";
import { runLog } from "../cli/options.js";
import { makeRunFolder } from "../cli/output.js";
import { Session } from "../cli/session.js";
import { duration } from "../pipeline/format.js";
import { runPaths } from "../pipeline/run/folder.js";
import { demoConfig, demoSeed } from "./config.js";
import { makeImages } from "./images.js";

const data = join("data", "demo");
const run = join("runs", "demo");
const resume = "npm run -s equipoise -- resume runs/demo";

const next = `What to try next
  open runs/demo/report.html                                  the report of this run
  npm run -s equipoise -- predict runs/demo data/demo/images/Diff --out diff.csv
                                                              what the student says of each image
  npm run -s equipoise -- train --data data/demo --config vgg19 --preset tiny
                                                              the same network on the labels alone, to compare with
  npm run -s equipoise -- train --data YOUR_FOLDER --preset tiny
                                                              your own images: YOUR_FOLDER/<Class>/*.png and YOUR_FOLDER/Unlabelled/*.png
  npm run -s equipoise -- --help                              all commands`;

/**
 * The demo: synthetic colonies, a pre-trained teacher, a student that learns by Iterative Pseudo Balancing, a test, a report.
 * Images of an earlier demo are used again, its run is replaced.
 */
async function demo(): Promise<number> {
  const begun = performance.now();
  const session = new Session({ stdout: process.stdout, stderr: process.stderr, ask: null, env: process.env }, actions);
  await makeImages(session, data, demoSeed);
  replaceEarlierRun();
  makeRunFolder(run, resume);
  const options = { config: demoConfig(), dataRoot: data, out: run, yes: true, log: runLog(session) };
  const result = await interruptible(
    session,
    (signal) => actions.trainRun({ ...options, signal }),
    () => `continue with: ${resume}`,
  );
  const report = await actions.writeReport(run);
  session.progress.finish();
  const seconds = (performance.now() - begun) / 1000;
  process.stdout.write(`\n${formatEvaluation(result)}\n\n${caution(result.student.n)}\n`);
  process.stdout.write(`${duration(seconds)}; report: ${report}\n\n${next}\n`);
  return 0;
}

/** Only a folder that an earlier demo made is removed. */
function replaceEarlierRun(): void {
  if (existsSync(runPaths(run).config)) rmSync(run, { recursive: true });
}

function caution(images: number): string {
  return `Measured on ${images} synthetic test images after a few minutes of training: it shows that everything works, not which method is better.`;
}

try {
  process.exitCode = await demo();
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  const code = error instanceof Error && "exitCode" in error ? Number(error.exitCode) : 1;
  process.exitCode = code;
}
