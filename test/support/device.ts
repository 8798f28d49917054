import { afterAll } from "vitest";
import type { Device, DeviceOptions } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";

/**
 * Devices that between them run every variant of every kernel: as the adapter is, with portable kernels only, and with
 * work cut as for a GPU.
 */
export const deviceVariants: [name: string, options: DeviceOptions][] = [
  ["as the adapter is", {}],
  ["portable kernels", { subgroups: false }],
  ["cut for a GPU", { workFor: "gpu" }],
];

const shared = new Map<string, Promise<Device>>();

/**
 * The device of this test file with these options; opened once, closed after the last test. A missing adapter fails the
 * file, and so does an error of the GPU that no test has seen.
 */
export function testDevice(options: DeviceOptions = {}): Promise<Device> {
  const key = JSON.stringify(options);
  let device = shared.get(key);
  if (!device) {
    device = openNodeDevice(options);
    shared.set(key, device);
  }
  return device;
}

afterAll(async () => {
  const devices = await Promise.all(shared.values());
  shared.clear();
  try {
    for (const device of devices) await device.sync();
  } finally {
    for (const device of devices) device.close();
  }
});
