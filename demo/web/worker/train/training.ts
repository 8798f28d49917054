import { type ChoiceRecord, type Device, GpuError } from "../../../../engine/index.js";
import type { Config } from "../../../../pipeline/config/schema.js";
import { memoryPatches } from "../../../../pipeline/data/memory.js";
import { readCheckpoint } from "../../../../pipeline/run/checkpoint.js";
import { environmentFacts } from "../../../../pipeline/run/dataFacts.js";
import { runFiles, writeJsonTo } from "../../../../pipeline/run/store.js";
import { runTraining } from "../../../../pipeline/run/training.js";
import type { RunLog, RunResult } from "../../../../pipeline/run/types.js";
import { splitData, Workspace } from "../../../../pipeline/run/workspace.js";
import { parseChoices } from "../../../../pipeline/tuning/choiceStore.js";
import type { DeviceProvider } from "../device.js";
import type { IdbStore } from "../idbStore.js";
import type { LabelledSet } from "./images.js";
import { type PageData, pageData, type TrainImage } from "./images.js";
import { Turns } from "./turns.js";

/** Filled in by scripts/site.mjs. */
declare const PACKAGE_VERSION: string;

/** A run of the page: what it is made of, and where it is kept. */
export interface PageRun {
  readonly config: Config;
  readonly set: LabelledSet;
  readonly store: IdbStore;
}

export interface DriveOptions {
  readonly log: RunLog;
  readonly signal: AbortSignal;
  /** Told where the metrics begin again: at a start, and at the checkpoint that a lost device goes back to. */
  readonly onBegin: (metrics: string) => void;
  /** Told that the device is gone; the run goes on from its checkpoint when a new one is there. */
  readonly onLost: (error: Error) => void;
}

/** There is no device to train on. */
class NoDevice extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * Trains to the end, on whatever device there is: when one is lost, from the last checkpoint on the next, however long that takes to come.
 * @throws the signal's reason when paused, behind a checkpoint; what opening threw when there is no device to begin with; UserError for data
 *   that do not fit
 */
export async function drive(devices: DeviceProvider, run: PageRun, options: DriveOptions): Promise<RunResult> {
  for (let lost = false; ; lost = true) {
    try {
      return await attempt(devices, run, options);
    } catch (error) {
      const missing = error instanceof NoDevice;
      if (missing && !lost) throw error.cause;
      if (!missing && !(error instanceof GpuError && error.kind === "device-lost")) throw error;
      options.signal.throwIfAborted();
      options.onLost(error);
      if (missing) await devices.again(options.signal);
    }
  }
}

async function attempt(devices: DeviceProvider, run: PageRun, options: DriveOptions): Promise<RunResult> {
  const turns = new Turns(devices);
  const device = await turns.take().catch((error: unknown) => {
    throw new NoDevice(error);
  });
  try {
    device.choices.replace((await ownChoices(run.store)) ?? (await devices.kept.load(device)));
    const result = await train(device, run, options, turns);
    turns.give();
    return result;
  } catch (error) {
    const lost = !options.signal.aborted && (await wasLost(device, error));
    const failure = lost ? new GpuError("device-lost", error instanceof Error ? error.message : String(error)) : error;
    turns.fail(failure);
    throw failure;
  }
}

/**
 * Whether the device is gone: a read that was under way fails with an error of the browser's own (a DOMException) before the loss is told, on a
 * busy adapter by seconds. The time is counted in pieces: after a freeze of the page the one that is over ends first.
 */
async function wasLost(device: Device, error: unknown): Promise<boolean> {
  const told = device.gpu.lost.then(() => true);
  const pieces = 10;
  const piece = (error instanceof DOMException ? 20_000 : 300) / pieces;
  for (let i = 0; i < pieces; i++) {
    const over = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), piece));
    if (await Promise.race([told, over])) return true;
  }
  return false;
}

/** The kernels that a run began with; null: it begins now. @throws UserError for a damaged file */
async function ownChoices(store: IdbStore): Promise<ChoiceRecord | null> {
  const bytes = await store.read(runFiles.tuning);
  if (!bytes) return null;
  let value: unknown = null;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Said by what follows.
  }
  return parseChoices(value, runFiles.tuning);
}

async function train(device: Device, run: PageRun, options: DriveOptions, turns: Turns): Promise<RunResult> {
  const { config, set, store } = run;
  const page = pageData(set);
  const data = splitData(config, page.dataset, options.log);
  const ws = pageWorkspace(device, config, page.dataset.classes, page.images);
  try {
    const checkpoint = await readCheckpoint(store);
    if (!(await store.read(runFiles.environment))) {
      const host = { equipoise: PACKAGE_VERSION, browser: navigator.userAgent };
      await writeJsonTo(store, runFiles.environment, await environmentFacts(ws, data, host));
      await writeJsonTo(store, runFiles.config, config);
      await writeJsonTo(store, runFiles.tuning, device.choices.record());
    }
    const whole = new TextEncoder().encode(store.text(runFiles.metrics));
    options.onBegin(new TextDecoder().decode(whole.subarray(0, checkpoint?.state.metricsBytes ?? 0)));
    const between = () => turns.pass();
    return await runTraining(ws, data, store, { ...options, yes: true, between }, checkpoint);
  } finally {
    await ws.release();
  }
}

/** A workspace over images in memory. */
export function pageWorkspace(
  device: Device,
  config: Config,
  classes: readonly string[],
  images: readonly TrainImage[],
  training = true,
): Workspace {
  const { patch, seed, cacheMegabytes } = config;
  const loader = memoryPatches(images, {
    size: patch.size,
    minForeground: patch.minForeground,
    tries: patch.tries,
    cacheBytes: cacheMegabytes * 2 ** 20,
    seed,
  });
  return new Workspace(config, device, loader, classes, training);
}

/** How many images each part of a run has. */
export function partCounts(config: Config, { dataset }: PageData, log: RunLog) {
  const { L, validation, U, T } = splitData(config, dataset, log).split;
  return { L: L.length, validation: validation.length, U: U.length, T: T.length };
}
