import { type Signal, signal } from "@preact/signals";
import { proxy } from "comlink";
import type { Tuned } from "../../../engine/index.js";
import { showProblem } from "../state.js";
import { trainChoice } from "../train/run.js";
import { classes } from "../train/session.js";
import { api } from "../worker/client.js";
import type { TuneRequest } from "../worker/tuneService.js";
import { stepRequest } from "./work.js";

/** Tuning: what is timed, how far it is, and what came of it. */

/** Whose shapes are timed. */
export const target: Signal<TuneRequest["kind"]> = signal("training");
export const tuning: Signal<{ readonly doing: string; readonly share: number } | null> = signal(null);
/** What the last tuning found; null: none in this visit. */
export const tuned: Signal<readonly Tuned[] | null> = signal(null);
/** Shapes that are tuned for this GPU; null: not asked yet. */
export const keptShapes: Signal<number | null> = signal(null);

/** Classes where no images are loaded. */
const exampleClasses = 4;

/** Times the kernels and keeps the fastest. */
export async function tune(): Promise<void> {
  const request = chosenRequest();
  if (!request) return;
  tuning.value = { doing: "Waiting for the GPU", share: 0 };
  try {
    const onProgress = proxy((done: number, total: number, key: string) => {
      if (tuning.value) tuning.value = { doing: `Timing ${done + 1} of ${total}: ${key}`, share: done / total };
    });
    tuned.value = await api.tune.tune(request, onProgress);
  } catch (error) {
    if (!(error instanceof Error && error.name === "AbortError")) showProblem("Tuning for this GPU", error);
  } finally {
    tuning.value = null;
  }
  await countKept();
}

export function stopTuning(): void {
  void api.tune.cancel();
}

/** Goes back to the defaults. */
export async function forgetTuning(): Promise<void> {
  try {
    await api.tune.forget();
    tuned.value = null;
  } catch (error) {
    showProblem("Forgetting what was tuned", error);
  }
  await countKept();
}

/** Asks how much was tuned for this GPU. */
export async function countKept(): Promise<void> {
  try {
    keptShapes.value = await api.tune.kept(proxy((text: string) => showProblem("Reading what was tuned", text)));
  } catch (error) {
    showProblem("Reading what was tuned", error);
  }
}

function chosenRequest(): TuneRequest | null {
  if (target.value === "training") {
    const { length } = classes.value;
    return { kind: "training", choice: trainChoice.value, classes: length >= 2 ? length : exampleClasses };
  }
  const request = stepRequest();
  return request && { kind: "step", request };
}
