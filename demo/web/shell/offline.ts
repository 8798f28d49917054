import { type Signal, signal } from "@preact/signals";

/** Whether the page works without a server now. */
export type OfflineState = "pending" | "ready" | "impossible";
export const offline: Signal<OfflineState> = signal("pending");

/** Has the service worker (sw.ts) keep all files of the site. Where that is refused, the page works on while it is open. */
export async function keepOffline(): Promise<void> {
  if (!("serviceWorker" in navigator)) {
    offline.value = "impossible";
    return;
  }
  try {
    await navigator.serviceWorker.register(new URL("../sw.js", import.meta.url), { scope: "./" });
    await navigator.serviceWorker.ready;
    offline.value = "ready";
  } catch {
    offline.value = "impossible";
  }
}
