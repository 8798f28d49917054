import { existsSync } from "node:fs";
import { afterAll, type TestContext } from "vitest";
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
  return openOnce(JSON.stringify(options), () => openNodeDevice(options));
}

/** Where packages put the driver description of SwiftShader, a second software adapter: Debian's chromium-common, Chrome. */
const swiftShaderDrivers = [
  "/usr/lib/chromium/vk_swiftshader_icd.json",
  "/usr/lib/chromium-browser/vk_swiftshader_icd.json",
  "/usr/lib64/chromium-browser/vk_swiftshader_icd.json",
  "/opt/google/chrome/vk_swiftshader_icd.json",
];

/**
 * SwiftShader's device, shared as `testDevice` shares them. Another driver, compiler and subgroup size (4) than most, and
 * 6 to 9 times slower than Mesa's: a few small cases find what one driver alone forgives.
 * Skips the test, with the reason, where SwiftShader is not installed.
 */
export function swiftShaderDevice(context: Pick<TestContext, "skip">): Promise<Device> {
  const driver = swiftShaderDriver();
  if (!driver) context.skip(noSwiftShader);
  return openOnce("swiftshader", () => openSwiftShader(driver as string));
}

/** The driver description of SwiftShader for the Vulkan loader; null where it is not installed. */
export function swiftShaderDriver(): string | null {
  const named = process.env.EQUIPOISE_SWIFTSHADER;
  return (named ? [named] : swiftShaderDrivers).find((file) => existsSync(file)) ?? null;
}

/** Why a test that needs SwiftShader cannot run. */
export const noSwiftShader =
  "needs SwiftShader (on Debian the package chromium-common; or EQUIPOISE_SWIFTSHADER=.../vk_swiftshader_icd.json)";

/** The Vulkan loader reads the variable when Dawn's instance first looks for adapters; other instances keep theirs. */
async function openSwiftShader(driver: string): Promise<Device> {
  const before = process.env.VK_DRIVER_FILES;
  process.env.VK_DRIVER_FILES = driver;
  try {
    return await openNodeDevice({ adapter: "swiftshader" });
  } finally {
    if (before === undefined) delete process.env.VK_DRIVER_FILES;
    else process.env.VK_DRIVER_FILES = before;
  }
}

let opening: Promise<unknown> = Promise.resolve();

/** One device is opened at a time, since each looks at the environment. */
function openOnce(key: string, open: () => Promise<Device>): Promise<Device> {
  let device = shared.get(key);
  if (!device) {
    device = opening.then(open);
    opening = device.catch(() => undefined);
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
