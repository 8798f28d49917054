import type { Device, Tuned } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import type { Config } from "../config/schema.js";
import type { RunLog, TuneMode } from "../run/types.js";
import { openChoices } from "./store.js";
import { chosen, tuneConfig } from "./tuneConfig.js";

export interface TuneCommandOptions {
  config: Config;
  classes: number;
  adapter?: string;
  log: RunLog;
  signal: AbortSignal;
}

/** What `equipoise tune` found. */
export interface TuneReport {
  adapter: string;
  /** Where the choices are kept. */
  file: string;
  tuned: Tuned[];
}

/** Tunes all shapes of a configuration's step anew and keeps the choices for this adapter. */
export async function tuneForConfig(options: TuneCommandOptions): Promise<TuneReport> {
  const { config, classes, adapter, log, signal } = options;
  const device = await openNodeDevice(adapter === undefined ? {} : { adapter });
  try {
    const tuned = await tuneConfig(device, config, classes, { signal, onProgress: progressOf(log) });
    const store = await openChoices(device.info);
    await store.save(chosen(tuned));
    return { adapter: device.info.device || device.info.description, file: store.place, tuned };
  } finally {
    device.close();
  }
}

/** Sets up the device's choices for a run that begins. */
export async function prepareChoices(
  device: Device,
  mode: TuneMode,
  config: Config,
  classes: number,
  { log, signal }: { log: RunLog; signal: AbortSignal },
): Promise<void> {
  if (mode === "off") return;
  const store = await openChoices(device.info);
  const kept = await store.load((problem) => log.warn(problem));
  device.choices.set(kept);
  if (mode === "cached") return;
  const known = new Set(Object.keys(kept));
  const tuned = await tuneConfig(device, config, classes, { known, signal, onProgress: progressOf(log) });
  await store.save(chosen(tuned));
}

function progressOf(log: RunLog): (done: number, total: number, key: string) => void {
  return (done, total, key) => log.progress({ label: "timing kernels", done, total, note: key });
}
