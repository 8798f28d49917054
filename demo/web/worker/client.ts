import { proxy, type Remote, wrap } from "comlink";
import type { WorkerApi } from "./api.js";
import type { DeviceStatus } from "./device.js";

/** The worker, from the page. Errors keep their name, message and (of a GpuError) kind. */
export const api: Remote<WorkerApi> = wrap<WorkerApi>(startWorker());

function startWorker(): Worker {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "equipoise" });
}

/** Opens the device. @param report told how it is, now and whenever that changes */
export async function startDevice(report: (status: DeviceStatus) => void): Promise<void> {
  await api.device.watch(proxy(report));
  await openDevice();
}

/** Opens the device where there is none; what comes of it is told to those who watch. */
export async function openDevice(): Promise<void> {
  await api.device.open();
}
