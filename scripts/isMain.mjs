import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * @param {string} moduleUrl `import.meta.url` of the caller
 * @returns {boolean} true if Node was started with this module, also through a symbolic link
 */
export function isMain(moduleUrl) {
  const started = process.argv[1];
  if (!started) return false;
  try {
    return realpathSync(started) === realpathSync(fileURLToPath(moduleUrl));
  } catch {
    return false; // started from something that is no file, as `node -e`
  }
}
