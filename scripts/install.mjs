/** `npm ci` when it is needed: no packages yet, an interrupted installation, another lock file or another Node. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { headAndTail } from "./messages.mjs";
import { runQuietly, SetupError, say } from "./run.mjs";

const STAMP = "node_modules/.equipoise-installed";

/**
 * @param {string} [version] as in process.versions.node
 * @throws {SetupError} if Node is too old
 */
export function checkNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)) return;
  throw new SetupError(
    `Node ${version} is too old: a checkout of Equipoise needs Node 20.19, 22.12 or later (its test runner does).\n` +
      "  Get it from https://nodejs.org, or with a version manager: nvm install 22",
  );
}

/**
 * @param {string} root
 * @returns {string} what an installation depends on: lock file, Node's ABI, platform
 */
export function installKey(root) {
  const lock = join(root, "package-lock.json");
  if (!existsSync(lock)) throw new SetupError(`${lock} is missing: restore it with: git checkout package-lock.json`);
  const hash = createHash("sha256").update(readFileSync(lock)).digest("hex");
  return `${hash} node-abi-${process.versions.modules} ${process.platform}-${process.arch}`;
}

/**
 * @param {string} root
 * @returns {boolean} true if the packages in node_modules are those of package-lock.json, for this Node
 */
export function isInstalled(root) {
  const stamp = join(root, STAMP);
  const key = installKey(root);
  const known = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
  if (known === key) return true;
  const sameNode = known === "" || known.slice(known.indexOf(" ")) === key.slice(key.indexOf(" "));
  if (!sameNode || !matchesHiddenLock(root)) return false;
  writeFileSync(stamp, key); // installed by hand, or the lock file has changed without changing a package
  return true;
}

/**
 * npm writes `node_modules/.package-lock.json` as its last step. It lists what is installed.
 * @param {string} root
 */
function matchesHiddenLock(root) {
  const hidden = join(root, "node_modules/.package-lock.json");
  if (!existsSync(hidden)) return false;
  const installed = readPackages(hidden);
  return Object.entries(readPackages(join(root, "package-lock.json"))).every(([path, wanted]) => {
    const found = installed[path];
    if (found) return found.version === wanted.version && found.integrity === wanted.integrity;
    return path === "" || (wanted.optional === true && !isForPlatform(wanted));
  });
}

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} Locked
 * @param {string} file
 * @returns {Record<string, Locked>}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  } catch {
    return {}; // cut off while being written
  }
}

/**
 * @param {Locked} entry of an optional package
 * @returns {boolean} true if npm installs it here and nowhere else; packages that only other platforms need say nothing
 */
function isForPlatform({ os, cpu, libc }) {
  return os?.includes(process.platform) === true && cpu?.includes(process.arch) === true && !libc;
}

/**
 * Installs the packages if needed. The stamp is written last: an interrupted installation is done again.
 * @param {string} root
 * @throws {SetupError} with the end of npm's output
 */
export async function install(root) {
  if (isInstalled(root)) return;
  const args = ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=warn"];
  say("installing packages: npm ci (first run, or package-lock.json has changed)");
  const started = Date.now();
  const [command, ...first] = npmCommand();
  const { code, output } = await runQuietly(command, [...first, ...args], { cwd: root, label: "npm ci" });
  if (code > 128) throw new SetupError("npm ci was stopped; it starts again with the next command", code);
  if (code !== 0) {
    throw new SetupError(
      `npm ci failed with exit code ${code}; npm said:\n${headAndTail(output)}\n  ${npmAdvice(output)}`,
    );
  }
  writeFileSync(join(root, STAMP), installKey(root));
  say(`packages installed in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

/** @param {string} output of npm ci */
function npmAdvice(output) {
  if (/in sync/.test(output))
    return "package.json and package-lock.json differ: restore them, or update the lock with: npm install";
  if (/ENOSPC/.test(output)) return "The disk is full: the packages need about 400 MB.";
  if (/EACCES|EPERM/.test(output))
    return "A file cannot be written: check who owns this folder and npm's cache (npm config get cache).";
  return "Check the network connection and the registry (npm config get registry), then run the command again.";
}

/**
 * The npm that runs this script, else the one that comes with Node.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {[string, ...string[]]}
 */
export function npmCommand(env = process.env) {
  const running = env.npm_execpath;
  if (running && basename(running) === "npm-cli.js") return [process.execPath, running];
  const bundled = [
    join(process.execPath, "../node_modules/npm/bin/npm-cli.js"),
    join(process.execPath, "../../lib/node_modules/npm/bin/npm-cli.js"),
  ].find((path) => existsSync(path));
  return bundled ? [process.execPath, bundled] : ["npm"];
}
