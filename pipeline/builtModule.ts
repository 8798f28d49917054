/** The project folder, or that of the installed package. */
const sourceRoot = new URL("../", import.meta.url);

/**
 * The URL of a module that Node is to load by itself: a worker thread, a child process.
 *
 * In `dist/node/`, which mirrors the source tree, that is `relative` to the calling module. Where the caller runs as
 * TypeScript (under vitest), it is the same module in `dist/node/`, which the test set-up keeps up to date.
 * @param relative to the caller, as "./worker.js"
 * @param caller `import.meta.url`
 */
export function builtModule(relative: string, caller: string): URL {
  const url = new URL(relative, caller);
  if (!caller.endsWith(".ts")) return url;
  const path = url.href.slice(sourceRoot.href.length);
  return new URL(`dist/node/${path}`, sourceRoot);
}
