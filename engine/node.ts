import { setPriority, tmpdir } from "node:os";
import { create, globals } from "webgpu";
import { type Device, type DeviceOptions, listAdapters, openDevice } from "./device.js";

/** Dawn's toggles and backend, as `create()` of the `webgpu` package takes them, e.g. `backend=vulkan`. */
export interface NodeDeviceOptions extends DeviceOptions {
  readonly dawn?: readonly string[];
}

/** A low scheduling priority, yet not the lowest: beside other busy programs the thread must still come to its turn. */
const lowPriority = 10;

/**
 * Dawn's instances of the open devices. An instance that is collected before its device aborts the process, and one that
 * is still referenced keeps the process alive: so each is held here until its device closes.
 */
const instances = new Set<GPU>();

/**
 * Opens a WebGPU device in Node through Dawn. The process can exit once the device is closed.
 * On an adapter that computes on the CPU, this thread's priority is lowered: while a promise is pending Dawn polls in a
 * loop, which would take a core from the "GPU".
 */
export async function openNodeDevice(options: NodeDeviceOptions = {}): Promise<Device> {
  const instance = dawn(options.dawn);
  instances.add(instance);
  try {
    const device = await openDevice(instance, { ...options, onClose: () => instances.delete(instance) });
    if (device.info.isCpu && process.platform === "linux") lowerPriority();
    return device;
  } catch (error) {
    instances.delete(instance);
    throw error;
  }
}

/** The adapters that Dawn offers here. */
export async function listNodeAdapters(): Promise<GPUAdapter[]> {
  return listAdapters(dawn());
}

/** On Linux this sets the calling thread alone; the adapter's own threads exist already and keep their priority. */
function lowerPriority(): void {
  try {
    setPriority(process.pid, lowPriority);
  } catch {
    // Not permitted: slower, but right.
  }
}

function dawn(flags: readonly string[] = []): GPU {
  // Mesa complains on stderr where a bare machine has no such folder; nothing is written to it.
  if (process.platform === "linux") process.env.XDG_RUNTIME_DIR ??= tmpdir();
  Object.assign(globalThis, globals);
  return create([...flags]);
}
