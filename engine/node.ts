import { setPriority } from "node:os";
import { create, globals } from "webgpu";
import { type Device, type DeviceOptions, listAdapters, openDevice } from "./device.js";

/** Dawn's toggles and backend, as `create()` of the `webgpu` package takes them, e.g. `backend=vulkan`. */
export interface NodeDeviceOptions extends DeviceOptions {
  readonly dawn?: readonly string[];
}

/** Lowest scheduling priority on Linux and macOS. */
const idlePriority = 19;

/**
 * Opens a WebGPU device in Node through Dawn. The process can exit once the device is closed.
 * On an adapter that computes on the CPU, this thread's priority is lowered: while a promise is pending Dawn polls in a
 * loop, which would take a core from the "GPU".
 */
export async function openNodeDevice(options: NodeDeviceOptions = {}): Promise<Device> {
  const device = await openDevice(dawn(options.dawn), options);
  if (device.info.isCpu && process.platform === "linux") {
    try {
      // On Linux this sets the main thread alone; the adapter's own threads exist already and keep their priority.
      setPriority(process.pid, idlePriority);
    } catch {
      // Not permitted: slower, but right.
    }
  }
  return device;
}

/** The adapters that Dawn offers here. */
export async function listNodeAdapters(): Promise<GPUAdapter[]> {
  return listAdapters(dawn());
}

/** The object must not be kept longer than the device: while it is referenced, Dawn keeps the process alive. */
function dawn(flags: readonly string[] = []): GPU {
  Object.assign(globalThis, globals);
  return create([...flags]);
}
