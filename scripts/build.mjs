/**
 * Builds `dist/`:
 *   dist/node/      every source file as a JavaScript module, in the same tree (so that relative URLs stay valid)
 * with `browser` (`npm run demo:web`)
 *   dist/browser/   engine.js, one minified module: engine and models, shaders included
 *   dist/web/       the browser demo, static files (`scripts/site.mjs`)
 * and for a full build (`npm run build`, packing) these and
 *   dist/types/     declarations
 *
 * Needs the installed packages; `scripts/bootstrap.mjs` sees to that. Everything is made in a temporary folder and
 * renamed, so a build that breaks off leaves the previous one in place.
 */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle, listFiles, posixRelative } from "./bundle.mjs";
import { tail } from "./messages.mjs";
import { runQuietly, SetupError, say } from "./run.mjs";
import { buildSite, hasSite } from "./site.mjs";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCES = ["engine", "models", "pipeline", "cli", "demo", "bench"];
/** Plain modules that the built code uses besides the TypeScript sources. */
const PLAIN_MODULES = ["scripts/isMain.mjs", "scripts/messages.mjs", "scripts/platform.mjs", "scripts/probe.mjs"];
const ENTRIES = ["index.ts", "browser.ts"];
const INPUTS = [...SOURCES, "shaders", "scripts", ...ENTRIES, "package.json", "tsconfig.json", "tsconfig.build.json"];
/** Is bundled for browsers alone. */
const SITE = "demo/web";
const STAMP = "stamp.json";

/**
 * @param {string} root
 * @returns {string} hash of every file a build depends on, by name and content
 */
export function sourceHash(root) {
  const hash = createHash("sha256");
  for (const path of INPUTS.flatMap((input) => listFiles(join(root, input)))) {
    const name = posixRelative(root, path);
    if (name.startsWith("engine/generated/")) continue;
    hash.update(`${name}\0`).update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}

/**
 * What a build has besides `dist/node/`.
 * @typedef {object} Wanted
 * @property {boolean} [browser] the engine as one module, and the browser demo
 * @property {boolean} [full] these and declarations, which need sources without type errors
 */

/**
 * @param {string} root
 * @param {Wanted} [wanted]
 * @returns {boolean} true if `dist/` and the generated kernels are those of the sources
 */
export function isBuilt(root, { browser = false, full = false } = {}) {
  const stamp = join(root, "dist", STAMP);
  if (!existsSync(stamp) || !existsSync(join(root, "engine/generated/kernels.ts"))) return false;
  const built = JSON.parse(readFileSync(stamp, "utf8"));
  return built.hash === sourceHash(root) && (built.full || (!full && (built.browser || !browser)));
}

/**
 * Generates the kernels and builds `dist/` when sources have changed. The caller holds the lock (`scripts/prepare.mjs`).
 * @param {string} [root]
 * @param {Wanted} [wanted]
 * @returns {Promise<boolean>} true if something was built
 * @throws {SetupError} naming the file that does not compile
 */
export async function build(root = PROJECT, { browser = false, full = false } = {}) {
  if (isBuilt(root, { browser, full })) return false;
  const started = Date.now();
  const { generateKernels } = await import("./generate.mjs");
  generateKernels(root);
  const hash = sourceHash(root);
  const temporary = freshFolder(join(root, ".cache"), "build-");
  try {
    await buildNode(root, join(temporary, "node"));
    if (browser || full) await buildBrowser(root, join(temporary, "browser"));
    if ((browser || full) && hasSite(root)) await buildSite(root, join(temporary, "web"));
    if (full) await buildTypes(root, join(temporary, "types"));
    writeFileSync(join(temporary, STAMP), JSON.stringify({ hash, browser: browser || full, full }));
    replaceFolder(temporary, join(root, "dist"), `${temporary}-old`);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  say(`built dist/ in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return true;
}

/**
 * @param {string} root
 * @param {string} outdir
 */
async function buildNode(root, outdir) {
  const files = [...ENTRIES, ...SOURCES].flatMap((name) => listFiles(join(root, name)));
  const entryPoints = files.filter((path) => /(?<!\.d)\.ts$/.test(path) && !path.startsWith(join(root, SITE, "/")));
  await bundle({ entryPoints, outdir, outbase: root, absWorkingDir: root, bundle: false, platform: "node" });
  const fonts = files.map((path) => posixRelative(root, path)).filter((name) => name.includes("/fonts/"));
  for (const name of [...PLAIN_MODULES, ...fonts]) {
    const target = join(outdir, name);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(root, name), target);
  }
  makeExecutable(join(outdir, "cli/main.js"));
}

/**
 * A command of the package starts with the line that tells a Unix system to run it with Node.
 * @param {string} file
 */
function makeExecutable(file) {
  if (!existsSync(file)) return;
  const code = readFileSync(file, "utf8");
  const line = code.startsWith("#!") ? "" : "#!/usr/bin/env node\n";
  writeFileSync(file, `${line}${code}`, { mode: 0o755 });
}

/**
 * The options of the browser bundle; also used by the test that looks for Node imports in it.
 * @param {string} root
 * @returns {import("esbuild").BuildOptions}
 */
export function browserOptions(root) {
  return { entryPoints: ["browser.ts"], absWorkingDir: root, bundle: true, minify: true, platform: "browser" };
}

/**
 * @param {string} root
 * @param {string} outdir
 */
export async function buildBrowser(root, outdir) {
  await bundle({ ...browserOptions(root), outfile: join(outdir, "engine.js") });
}

/**
 * @param {string} root
 * @param {string} outdir
 * @throws {SetupError} with the compiler's complaints
 */
export async function buildTypes(root, outdir) {
  const args = [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json", "--outDir", outdir];
  const { code, output } = await runQuietly(process.execPath, args, { cwd: root, label: "declarations" });
  if (code !== 0) throw new SetupError(`the declarations could not be made:\n${tail(output)}`);
}

/**
 * @param {string} parent
 * @param {string} prefix
 * @returns {string} a new folder; those of builds that were killed are removed
 */
function freshFolder(parent, prefix) {
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    if (name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const folder = join(parent, `${prefix}${process.pid}`);
  mkdirSync(folder);
  return folder;
}

/**
 * @param {string} from
 * @param {string} to is replaced
 * @param {string} old where the replaced folder goes on its way out
 */
function replaceFolder(from, to, old) {
  if (existsSync(to)) renameSync(to, old);
  renameSync(from, to);
  rmSync(old, { recursive: true, force: true });
}
