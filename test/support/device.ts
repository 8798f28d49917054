import { afterAll } from "vitest";
import type { Device, DeviceOptions } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";

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
