import { type Signal, signal } from "@preact/signals";
import { proxy } from "comlink";
import type { ProfileDocument } from "../../../pipeline/profile/document.js";
import { network, showProblem } from "../state.js";
import { api } from "../worker/client.js";
import type { AdapterReport, InsideRequest, NetworkName } from "../worker/insideService.js";

/** What the section Inside shows, and what its buttons do. */

export const choice: Signal<{
  readonly step: InsideRequest["step"];
  readonly network: NetworkName | "loaded";
  readonly batch: number;
}> = signal({ step: "train", network: "compact", batch: 16 });

export const profile: Signal<ProfileDocument | null> = signal(null);
export const adapter: Signal<AdapterReport | null> = signal(null);
/** What is being done, and how much of it; null: nothing is measured. */
export const progress: Signal<{ readonly doing: string; readonly share: number } | null> = signal(null);

/** Steps that are timed: their median is shown. */
const repeats = 5;

/** Measures a step of what is chosen. */
export async function measure(): Promise<void> {
  const request = stepRequest();
  if (!request) return;
  progress.value = { doing: "Waiting for the GPU", share: 0 };
  try {
    const onProgress = proxy((doing: string, done: number, total: number) => {
      if (progress.value) progress.value = { doing, share: done / total };
    });
    profile.value = await api.inside.profile(request, onProgress);
  } catch (error) {
    if (!(error instanceof Error && error.name === "AbortError")) showProblem("Measuring a step", error);
  } finally {
    progress.value = null;
  }
  await describeAdapter();
}

/** The step that is chosen; null where its network is not there any more. */
export function stepRequest(): InsideRequest | null {
  const { step, network: name, batch } = choice.value;
  if (name !== "loaded") return { step, network: name, batch, repeats };
  const loaded = network.value;
  return loaded && { step, network: { file: loaded.file, name: loaded.name }, batch, repeats };
}

export function stop(): void {
  void api.inside.cancel();
}

/** Asks what the adapter is and allows. */
export async function describeAdapter(): Promise<void> {
  try {
    adapter.value = await api.inside.adapter();
  } catch (error) {
    showProblem("Asking for the adapter's limits", error);
  }
}

/** Destroys the device, as a driver's reset does: everything should come back by itself. */
export function loseDevice(): void {
  void api.device.lose();
}
