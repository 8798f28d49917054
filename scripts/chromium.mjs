/**
 * Finds Chromium for the page tests: `EQUIPOISE_CHROMIUM`, else what is installed. As a script, `node scripts/chromium.mjs install`
 * installs Debian's or Ubuntu's package where there is none (root only, and never with EQUIPOISE_NO_INSTALL=1).
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { isMain } from "./isMain.mjs";
import { tail } from "./messages.mjs";
import { readMachine } from "./platform.mjs";
import { runQuietly, SetupError, say } from "./run.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge-stable"];
const PLACES = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
];

/** What to do where there is none. */
export const CHROMIUM_FIX =
  "install Chromium (Debian: apt-get install chromium) or set EQUIPOISE_CHROMIUM to a browser's path";

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | null} path of a browser that starts; null if there is none
 * @throws {SetupError} if EQUIPOISE_CHROMIUM names no browser
 */
export function findChromium(env = process.env) {
  const chosen = env.EQUIPOISE_CHROMIUM;
  if (chosen) {
    if (starts(chosen)) return chosen;
    throw new SetupError(`EQUIPOISE_CHROMIUM=${chosen}: no browser starts there; give the path of Chromium or Chrome`);
  }
  const folders = (env.PATH ?? "").split(delimiter).filter(Boolean);
  const found = [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), ...PLACES];
  return found.find((path) => existsSync(path) && starts(path)) ?? null;
}

/**
 * Ubuntu's package is a script that asks for a snap: it exists, and does not start in a container.
 * @param {string} path
 */
function starts(path) {
  if (!existsSync(path)) return false;
  if (process.platform === "win32") return true; // a version is not printed there
  const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 30_000 });
  return status === 0 && /\d+\.\d+/.test(stdout);
}

/**
 * @param {{ machine?: import("./platform.mjs").Machine, env?: NodeJS.ProcessEnv }} [known] for tests
 * @returns {string | null} why Chromium may not be installed here; null if it may
 */
export function whyNotInstallChromium({ machine = readMachine(), env = process.env } = {}) {
  if (env.EQUIPOISE_NO_INSTALL && env.EQUIPOISE_NO_INSTALL !== "0") return "EQUIPOISE_NO_INSTALL is set";
  if (machine.distro !== "debian" && machine.distro !== "ubuntu") return `${machine.name} has no apt`;
  return machine.root ? null : "installing packages needs root";
}

/**
 * Installs Chromium where there is none.
 * @returns {Promise<string>} its path
 * @throws {SetupError} saying why that was not possible
 */
export async function ensureChromium() {
  const found = findChromium();
  if (found) return found;
  const obstacle = whyNotInstallChromium();
  if (obstacle !== null) throw new SetupError(`no Chromium for the page tests, and ${obstacle}: ${CHROMIUM_FIX}`);
  say("no Chromium found: installing it for the page tests. EQUIPOISE_NO_INSTALL=1 prevents this.");
  const options = ["-o", "DPkg::Lock::Timeout=180", "-o", "Acquire::Retries=3"];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", "chromium"]]) {
    say(`  apt-get ${args.join(" ")}`);
    const { code, output } = await runQuietly("apt-get", [...options, ...args], { env, label: `apt-get ${args[0]}` });
    if (code !== 0) throw new SetupError(`apt-get ${args[0]} failed with exit code ${code}:\n${tail(output)}`);
  }
  const installed = findChromium();
  if (installed) return installed;
  throw new SetupError(`the package chromium is installed, but no browser starts: ${CHROMIUM_FIX}`);
}

if (isMain(import.meta.url)) {
  try {
    if (process.argv[2] !== "install") throw new SetupError("usage: node scripts/chromium.mjs install");
    say(`Chromium for the page tests: ${await ensureChromium()}`);
  } catch (error) {
    say(`equipoise: ${/** @type {Error} */ (error).message}`);
    process.exitCode = 1;
  }
}
