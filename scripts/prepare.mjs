/** Packages and `dist/`, made when they are missing or out of date, by one process at a time. */
import { join } from "node:path";
import { build, isBuilt } from "./build.mjs";
import { install, isInstalled } from "./install.mjs";
import { withLock } from "./lock.mjs";

/**
 * @param {string} root
 * @param {import("./build.mjs").Wanted & { packages?: boolean }} wanted packages: install them too
 */
export async function prepare(root, { packages = false, ...wanted }) {
  if ((!packages || isInstalled(root)) && isBuilt(root, wanted)) return;
  await withLock(join(root, ".cache/setup.lock"), async () => {
    if (packages) await install(root);
    await build(root, wanted);
  });
}
