import { afterAll } from "vitest";
import type { Device } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";

let shared: Promise<Device> | null = null;

/** The device of this test file; opened once, closed after the last test. A missing adapter fails the file. */
export function testDevice(): Promise<Device> {
  shared ??= openNodeDevice();
  return shared;
}

afterAll(async () => {
  if (!shared) return;
  const device = await shared;
  await device.sync();
  device.close();
  shared = null;
});
