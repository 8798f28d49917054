import { tmpdir } from "node:os";
import { create, globals } from "webgpu";
import { compileHelpers, type HelperDevice } from "./compileHelper.js";
import { lowerThreadPriority, restInWaits } from "./courtesy.js";
import { type Device, type DeviceOptions, listAdapters } from "./device.js";
import { openDevice } from "./openDevice.js";

/** Dawn's toggles and backend, as `create()` of the `webgpu` package takes them, e.g. `backend=vulkan`. */
export interface NodeDeviceOptions extends DeviceOptions {
  readonly dawn?: readonly string[];
  /** false: compile in this process alone (default true: on a CPU adapter other processes help, see `compileHelpers`). */
  readonly helpers?: boolean;
}

/**
 * Dawn's instances of the open devices. An instance that is collected before its device aborts the process, and one that
 * is still referenced keeps the process alive: so each is held here until its device closes.
 */
const instances = new Set<GPU>();

/**
 * Opens a WebGPU device in Node through Dawn. The process can exit once the device is closed.
 * On an adapter that computes on the CPU this thread keeps out of its way: its priority is lowered, once the adapter has
 * its own threads, and it sleeps in waits. `EQUIPOISE_NO_CAPTURE=1` makes all steps run eagerly, for debugging.
 */
export async function openNodeDevice(options: NodeDeviceOptions = {}): Promise<Device> {
  const instance = dawn(options.dawn);
  instances.add(instance);
  let rest: (() => () => void) | null = null;
  try {
    const device = await openDevice(instance, {
      compileElsewhere: options.helpers === false ? null : compileHelpers(helperDevice(options)),
      capture: process.env.EQUIPOISE_NO_CAPTURE !== "1",
      onWait: () => rest?.() ?? (() => {}),
      ...options,
      onClose: () => {
        instances.delete(instance);
        options.onClose?.();
      },
    });
    if (device.info.isCpu) {
      lowerThreadPriority();
      rest = restInWaits();
    }
    return device;
  } catch (error) {
    instances.delete(instance);
    throw error;
  }
}

function helperDevice({ adapter, subgroups, dawn }: NodeDeviceOptions): HelperDevice {
  return { ...(adapter && { adapter }), ...(subgroups !== undefined && { subgroups }), ...(dawn && { dawn }) };
}

/** The adapters that Dawn offers here. */
export async function listNodeAdapters(): Promise<GPUAdapter[]> {
  return listAdapters(dawn());
}

function dawn(flags: readonly string[] = []): GPU {
  // Mesa complains on stderr where a bare machine has no such folder; nothing is written to it.
  if (process.platform === "linux") process.env.XDG_RUNTIME_DIR ??= tmpdir();
  Object.assign(globalThis, globals);
  return create([...flags]);
}
