import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resumeRun, trainRun } from "../../../pipeline/run/index.js";
import type { RunProgress } from "../../../pipeline/run/types.js";
import { temporaryFolder, writeImages } from "./images.js";
import { KeptLog, metricsOf, quickConfig, weightsOf } from "./support.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(folder.remove);

/** All that a checkpoint has to hold, and a teacher that soon takes patches for other classes than at the epoch's start. */
const config = quickConfig({
  set: [
    "pretrain.epochs=1",
    "finetune.maxSteps=2",
    "meta.feedbackBaseline=0.9",
    "ema=0.5",
    "train.optimizer.name=adam",
    "train.schedule=constant",
    "train.teacherLr=0.03",
  ],
});
const isTraining = ({ label }: RunProgress) => /^(pre-training|training|fine-tuning)/.test(label);

/** Trains, or resumes what was begun, and stops as Ctrl-C does once `when` holds. @returns whether the run came to its end */
async function runUntil(out: string, when: (update: RunProgress) => boolean): Promise<boolean> {
  const controller = new AbortController();
  const log = new KeptLog((update) => {
    if (when(update)) controller.abort();
  });
  const options = { yes: false, log, signal: controller.signal };
  const run = existsSync(join(out, "config.json"))
    ? resumeRun(out, options)
    : trainRun({ ...options, config, dataRoot: at("data"), out });
  return run.then(
    () => true,
    (error: Error) => {
      if (error.name !== "AbortError") throw error;
      return false;
    },
  );
}

beforeAll(async () => {
  writeImages(at("data"));
  expect(await runUntil(at("whole"), () => false)).toBe(true);
  const [first, second] = metricsOf(at("whole")).filter(({ kind }) => kind === "epoch");
  expect(second?.pseudoCounts).not.toEqual(first?.pseudoCounts);
});

test("a run that is stopped after every single step ends like one that is not", async () => {
  const out = at("steps");
  let stops = 0;
  while (stops < 40 && !(await runUntil(out, isTraining))) stops++;
  expect(stops).toBe(3 + 6 + 2);
  expect(metricsOf(out)).toEqual(metricsOf(at("whole")));
  expect(weightsOf(out)).toEqual(weightsOf(at("whole")));
});

test("a run can be stopped while it checks images, labels patches and tests", async () => {
  const out = at("between");
  const stopAt = (label: string) => runUntil(out, (update) => update.label.includes(label));
  expect(await stopAt("checking the images")).toBe(false);
  expect(existsSync(out)).toBe(false);
  for (const label of ["epoch 1: pseudo-labels", "epoch 2: pseudo-labels", "testing the student"]) {
    expect(await stopAt(label), label).toBe(false);
  }
  expect(await stopAt("nothing")).toBe(true);
  expect(metricsOf(out)).toEqual(metricsOf(at("whole")));
  expect(weightsOf(out)).toEqual(weightsOf(at("whole")));
});
