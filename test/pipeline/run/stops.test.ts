import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { resumeRun, trainRun } from "../../../pipeline/run/index.js";
import { temporaryFolder, writeImages } from "./images.js";
import { KeptLog, metricsOf, quickConfig, weightsOf } from "./support.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const data = writeImages(join(folder.path, "data"));

/** Runs until `steps` training steps were made, then stops as Ctrl-C does. @returns whether the run came to its end */
async function stopAfter(steps: number, start: (log: KeptLog, signal: AbortSignal) => Promise<unknown>) {
  const controller = new AbortController();
  let made = 0;
  const log = new KeptLog(({ label }) => {
    if (!label.includes("train") && !label.includes("tuning")) return;
    made++;
    if (made === steps) controller.abort();
  });
  return start(log, controller.signal).then(
    () => true,
    (error: Error) => {
      if (error.name !== "AbortError") throw error;
      return false;
    },
  );
}

test("a run that is stopped after every single step ends with the same weights and metrics as one that is not", async () => {
  const config = quickConfig({ set: ["meta.feedbackBaseline=0.9", "ema=0.5", "train.optimizer.name=adam"] });
  const [whole, pieces] = [join(folder.path, "whole"), join(folder.path, "pieces")];
  const options = { config, dataRoot: data, yes: false };
  await trainRun({ ...options, out: whole, log: new KeptLog(), signal: new AbortController().signal });

  let finished = await stopAfter(1, (log, signal) => trainRun({ ...options, out: pieces, log, signal }));
  let stops = 1;
  for (; !finished && stops < 40; stops++) {
    finished = await stopAfter(1, (log, signal) => resumeRun(pieces, { yes: false, log, signal }));
  }
  expect(stops).toBe(16);
  expect(metricsOf(pieces)).toEqual(metricsOf(whole));
  expect(weightsOf(pieces)).toEqual(weightsOf(whole));
});
