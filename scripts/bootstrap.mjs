/**
 * Runs a task of a checkout, after making what it needs: packages, generated kernels and `dist/`, a WebGPU adapter.
 * Works on a fresh clone with nothing but Node. Usage: node scripts/bootstrap.mjs TASK [ARGUMENTS]
 *
 * What this says about set-up goes to stderr; stdout belongs to the task.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureAdapter } from "./driver.mjs";
import { checkNode, install, isInstalled } from "./install.mjs";
import { isMain } from "./isMain.mjs";
import { withLock } from "./lock.mjs";
import { prepare } from "./prepare.mjs";
import { runForeground, SetupError, say } from "./run.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * @typedef {object} Task
 * @property {string} help
 * @property {boolean | ((args: string[]) => boolean)} gpu
 * @property {boolean} [browser] also build for the browser
 * @property {boolean} [full] also build for the browser, and declarations
 * @property {(args: string[]) => boolean} [peers] whether the engines that the benchmark compares with are needed
 * @property {boolean} [here] run in the folder of the caller, whose paths the arguments hold; default: the project
 * @property {(args: string[]) => string[][]} commands argument lists for Node, run one after the other; all of them run
 */

/** @type {Record<string, Task>} */
const TASKS = {
  demo: {
    help: "train on a small synthetic set and report",
    gpu: true,
    commands: (args) => [["dist/node/demo/run.js", ...args]],
  },
  web: {
    help: "serve the browser demo",
    gpu: false,
    browser: true,
    commands: (args) => [["scripts/web.mjs", ...args]],
  },
  "all-tiny": {
    help: "train every configuration at the smallest size and compare",
    gpu: true,
    commands: (args) => [["dist/node/demo/allTiny.js", ...args]],
  },
  test: { help: "run the tests", gpu: true, commands: (args) => [["node_modules/vitest/vitest.mjs", "run", ...args]] },
  build: { help: "build dist/ for Node, the browser and embedding", gpu: false, full: true, commands: () => [] },
  check: {
    help: "type check, lint and format check",
    gpu: false,
    commands: () => [
      ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "tsconfig.json"],
      ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."],
    ],
  },
  docs: {
    help: "write the API reference",
    gpu: false,
    commands: (args) => [["scripts/apiDocs.mjs", ...args]],
  },
  bench: {
    help: "time Equipoise and other engines",
    gpu: benchMeasures,
    peers: benchNeedsPeers,
    here: true,
    commands: (args) => [["dist/node/bench/main.js", ...args]],
  },
  cli: {
    help: "run equipoise",
    gpu: cliNeedsGpu,
    here: true,
    commands: (args) => [["dist/node/cli/main.js", ...args]],
  },
};

/** Engines of the benchmark that come from npm: `bench/package.json`. */
const PEERS = ["tfjs-webgpu", "jax-js"];

const GPU_COMMANDS = ["train", "resume", "evaluate", "predict", "detect", "tune", "profile", "experiment"];

/**
 * @param {string[]} args of the command line tool
 * @returns {boolean} true if they run something on the GPU
 */
export function cliNeedsGpu(args) {
  if (args.some((arg) => arg === "--help" || arg === "-h")) return false;
  const command = args.find((arg) => !arg.startsWith("-"));
  return command !== undefined && GPU_COMMANDS.includes(command);
}

/**
 * @param {string[]} args of the benchmark
 * @returns {boolean} true if they measure something, not only list, help or compare
 */
export function benchMeasures(args) {
  return args[0] !== "compare" && !args.some((arg) => ["--help", "-h", "--list"].includes(arg));
}

/**
 * @param {string[]} args of the benchmark
 * @returns {boolean} true if they measure an engine that comes from npm
 */
export function benchNeedsPeers(args) {
  if (!benchMeasures(args)) return false;
  const at = args.findIndex((arg) => arg === "--engines" || arg.startsWith("--engines="));
  if (at < 0) return true;
  const [flag = "", next = ""] = args.slice(at);
  const names = (flag.includes("=") ? flag.slice(flag.indexOf("=") + 1) : next).split(",");
  return PEERS.some((peer) => names.includes(peer));
}

/** Without its peers the benchmark still measures Equipoise: that they cannot be installed is said, and no more. */
async function installPeers() {
  const folder = join(ROOT, "bench");
  if (isInstalled(folder)) return;
  try {
    await withLock(join(ROOT, ".cache/setup.lock"), () => install(folder));
  } catch (error) {
    if (!(error instanceof SetupError) || error.exitCode > 128) throw error;
    say(`the engines to compare with are not installed: ${error.message}`);
  }
}

/** Where the command was typed: npm runs scripts in the project's folder and leaves the other one in a variable. */
function callersFolder() {
  const typedIn = process.env.npm_lifecycle_event ? process.env.INIT_CWD : undefined;
  return typedIn && existsSync(typedIn) ? typedIn : process.cwd();
}

/**
 * @param {string[]} argv task and its arguments
 * @returns {Promise<number>} exit code
 */
async function main([name = "", ...args]) {
  const task = TASKS[name];
  if (!task) {
    const list = Object.entries(TASKS).map(([key, { help }]) => `  ${key.padEnd(8)} ${help}`);
    throw new SetupError(
      `"${name}" is no task. Usage: node scripts/bootstrap.mjs TASK [ARGUMENTS]\n${list.join("\n")}`,
    );
  }
  checkNode();
  await prepare(ROOT, { packages: true, browser: task.browser ?? false, full: task.full ?? false });
  if (task.peers?.(args)) await installPeers();
  if (typeof task.gpu === "function" ? task.gpu(args) : task.gpu) await ensureAdapter();
  let worst = 0;
  for (const [script = "", ...rest] of task.commands(args)) {
    const path = join(ROOT, script);
    if (!existsSync(path)) throw new SetupError(`${script} does not exist: this checkout has no ${name}`);
    worst = Math.max(
      worst,
      await runForeground(process.execPath, [path, ...rest], { cwd: task.here ? callersFolder() : ROOT }),
    );
  }
  return worst;
}

if (isMain(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    const expected = error instanceof Error && ["SetupError", "ShaderError"].includes(error.name);
    say(
      expected
        ? `equipoise: ${/** @type {Error} */ (error).message}`
        : String(/** @type {Error} */ (error).stack ?? error),
    );
    process.exitCode = error instanceof SetupError ? error.exitCode : 1;
  }
}
