/** Packages and `dist/`, made when they are missing or out of date, by one process at a time. */
import { join } from "node:path";
import { build, isBuilt } from "./build.mjs";
import { install, isInstalled } from "./install.mjs";
import { withLock } from "./lock.mjs";

/**
 * @param {string} root
 * @param {{ packages?: boolean, types?: boolean }} wanted packages: install them too; types: also build the declarations
 */
export async function prepare(root, { packages = false, types = false }) {
  if ((!packages || isInstalled(root)) && isBuilt(root, { types })) return;
  await withLock(join(root, ".cache/setup.lock"), async () => {
    if (packages) await install(root);
    await build(root, { types });
  });
}
