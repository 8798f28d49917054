import { computed, type Signal, signal } from "@preact/signals";
import { proxy } from "comlink";
import { download } from "../shared/downloads.js";
import { checkOpenable } from "../shared/format.js";
import { network, showProblem } from "../state.js";
import { api } from "../worker/client.js";
import type { TrainChoice } from "../worker/train/choice.js";
import type { TrainEvent, TrainStatus } from "../worker/train/events.js";
import { type Line, parseLine } from "./metrics.js";
import { currentSet, openSet } from "./session.js";
import { Speed } from "./speed.js";

/** The run of the section Train here, as the worker tells of it. */

/** What the form says. */
export const trainChoice: Signal<TrainChoice> = signal({
  method: "ipb",
  network: "vgg-compact",
  length: "normal",
  more: "",
});
export const status: Signal<TrainStatus> = signal({ state: "none", message: "", run: null, result: null });
export const lines: Signal<readonly Line[]> = signal([]);
export const progress: Signal<{ label: string; done: number; total: number } | null> = signal(null);
/** Steps per second of what goes on, over the last seconds; null: not known yet. */
export const speed: Signal<number | null> = signal(null);
const pace = new Speed();
/** What the run said, the newest last. */
export const notes: Signal<readonly { text: string; warning: boolean }[]> = signal([]);

/** What came of opening a run without images; null: nothing to say. */
export const opened: Signal<string | null> = signal(null);

export const isBusy = computed(() => ["running", "pausing", "recovering"].includes(status.value.state));
/** A training can be started or resumed. */
export const isIdle = computed(() => !isBusy.value);

/** Listens to the worker. */
export async function watchRun(): Promise<void> {
  await api.train.watch(proxy(hear));
}

function hear(event: TrainEvent): void {
  switch (event.kind) {
    case "status":
      hearStatus(event.status);
      return;
    case "metrics": {
      const parsed = event.lines.map(parseLine);
      lines.value = event.again ? parsed : [...lines.value, ...parsed];
      return;
    }
    case "progress":
      progress.value = event;
      speed.value = pace.add(event.label, event.done, event.at);
      return;
    case "log":
      notes.value = [...notes.value, { text: event.text, warning: event.warning }].slice(-40);
  }
}

function hearStatus(next: TrainStatus): void {
  // At the end of a training, and when the page finds one that an earlier visit has finished.
  const finished = next.state === "done" && status.value.state !== "done";
  status.value = next;
  if (next.state !== "running") [progress.value, speed.value] = [null, null];
  if (finished) useTrained().catch((error: unknown) => showProblem("Taking over the network", error));
}

/** The network that was trained becomes the page's: Classify uses it, and it sorts the images by uncertainty. */
async function useTrained(): Promise<void> {
  const file = await api.train.weights();
  const { run } = status.value;
  if (file && run && network.value?.origin !== "file")
    network.value = { name: "trained in this page", origin: "trained", classes: run.classes, file };
}

export async function start(choice: TrainChoice): Promise<void> {
  notes.value = [];
  opened.value = null;
  await attempt("Starting the training", () => api.train.start(currentSet(), choice));
}

export function pause(): Promise<void> {
  return attempt("Pausing", () => api.train.pause());
}

export function resume(): Promise<void> {
  return attempt("Going on", () => api.train.resume());
}

export function discard(): Promise<void> {
  return attempt("Removing the run", async () => {
    await api.train.discard();
    [lines.value, notes.value] = [[], []];
  });
}

export function downloadRun(): Promise<void> {
  return attempt("Packing the run", async () =>
    download("equipoise-run.zip", await api.train.zip(), "application/zip"),
  );
}

/** A report is being made. */
export const isReporting: Signal<boolean> = signal(false);

export function downloadReport(): Promise<void> {
  isReporting.value = true;
  return attempt("Making the report", async () =>
    download("equipoise-report.html", await api.train.reportHtml(), "text/html"),
  ).finally(() => {
    isReporting.value = false;
  });
}

export function downloadWeights(): Promise<void> {
  return attempt("Reading the weights", async () => {
    const file = await api.train.weights();
    if (file) download("student.safetensors", file, "application/octet-stream");
  });
}

/** A run from a ZIP file, of this page or of the command. */
export function openRun(file: File): Promise<void> {
  return attempt(`Opening ${file.name}`, async () => {
    opened.value = null;
    checkOpenable(file);
    const { set, weights } = await api.train.openRun(file);
    if (set) openSet(set);
    if (!weights) return;
    const { run } = status.value;
    network.value = { name: file.name, origin: "file", classes: run?.classes ?? [], file: weights };
    if (!set)
      opened.value = `${file.name} has no images, so its run is not shown. Its network is used from now on: by Classify, and here to put the most uncertain images first.`;
  });
}

async function attempt(doing: string, job: () => Promise<void>): Promise<void> {
  try {
    await job();
  } catch (error) {
    showProblem(doing, error);
  }
}
