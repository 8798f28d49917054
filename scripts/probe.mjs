/**
 * Looks for WebGPU adapters and prints what it found as one line of JSON. It runs as a process of its own, since a broken
 * driver can crash or hang the process that loads it; `probeAdapters` starts it and reads the answer.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isMain } from "./isMain.mjs";

/**
 * @typedef {object} FoundAdapter
 * @property {string} name as Dawn lists it, for choosing it by name
 * @property {string} backend "vulkan", "metal", "d3d12", ...
 * @property {string} vendor
 * @property {string} architecture
 * @property {string} device
 * @property {string} description
 * @property {boolean} isCpu a software adapter
 * @property {[number, number]} subgroupSize smallest, largest
 * @property {string[]} features
 * @property {Record<string, number>} limits
 */

/**
 * @typedef {object} Probe
 * @property {boolean} loads the `webgpu` package loads
 * @property {string} version of the package, "" if unknown
 * @property {string} error why it does not load, or why no device could be made; "" if all is well
 * @property {FoundAdapter[]} adapters the one that is used by default comes first
 * @property {string} messages what Dawn and the drivers said
 */

const TIMEOUT_MS = 120_000;

/**
 * Looks for adapters in a child process. Never throws.
 * @param {NodeJS.ProcessEnv} [env]
 * @param {number} [timeoutMs]
 * @returns {Promise<Probe>}
 */
export function probeAdapters(env = process.env, timeoutMs = TIMEOUT_MS) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], { env, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let messages = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      messages += text;
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const failed = (/** @type {string} */ error) => ({ loads: true, version: "", error, adapters: [], messages });
    child.on("error", (error) => resolve(failed(error.message)));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const answer = readAnswer(out);
      if (answer) resolve({ ...answer, messages });
      else if (signal === "SIGKILL")
        resolve(failed(`looking for an adapter took more than ${timeoutMs / 1000} s and was stopped`));
      else
        resolve(
          failed(`looking for an adapter ended with ${signal ?? `exit code ${code}`}: a graphics driver crashed`),
        );
    });
  });
}

/**
 * @param {string} out
 * @returns {Omit<Probe, "messages"> | null}
 */
function readAnswer(out) {
  const line = out.split("\n").find((text) => text.startsWith('{"loads":'));
  return line ? JSON.parse(line) : null;
}

/** @returns {Promise<Omit<Probe, "messages">>} */
async function look() {
  let webgpu;
  try {
    webgpu = await import("webgpu");
  } catch (error) {
    return { loads: false, version: "", error: messageOf(error), adapters: [] };
  }
  Object.assign(globalThis, webgpu.globals);
  const version = await packageVersion();
  /** @type {FoundAdapter[]} */
  const adapters = [];
  let problem = "";
  const first = await describe(webgpu, "").catch((error) => {
    problem = messageOf(error);
    return null;
  });
  if (first) {
    for (const listed of await listAdapters(webgpu)) {
      const found = await describe(webgpu, listed.name).catch(() => null);
      if (found) adapters.push({ ...found, ...listed });
    }
    const isDefault = (/** @type {FoundAdapter} */ a) =>
      a.description === first.description && a.device === first.device;
    adapters.sort((a, b) => Number(isDefault(b)) - Number(isDefault(a)));
    if (adapters.length === 0) adapters.push(first);
  }
  return { loads: true, version, error: problem, adapters };
}

async function packageVersion() {
  try {
    const { createRequire } = await import("node:module");
    const require = createRequire(import.meta.url);
    return String(require("webgpu/package.json").version);
  } catch {
    return "";
  }
}

/**
 * Dawn has no call that lists adapters, but names them all when asked for one that does not exist.
 * @param {typeof import("webgpu")} webgpu
 * @returns {Promise<{ name: string, backend: string }[]>}
 */
async function listAdapters(webgpu) {
  try {
    await webgpu.create(["adapter=no adapter has this name"]).requestAdapter();
    return [];
  } catch (error) {
    const lines = messageOf(error).matchAll(/backend: '([^']*)', name: '([^']*)'/g);
    return [...lines].map(([, backend = "", name = ""]) => ({ backend, name }));
  }
}

/**
 * @param {typeof import("webgpu")} webgpu
 * @param {string} name "" for the adapter that is chosen by default
 * @returns {Promise<FoundAdapter | null>}
 * @throws {Error} if the adapter gives no device
 */
async function describe(webgpu, name) {
  const gpu = webgpu.create(name === "" ? [] : [`adapter=${name}`]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) return null;
  const { info } = adapter;
  /** @type {Record<string, number>} */
  const limits = {};
  for (const key in adapter.limits) limits[key] = Number(adapter.limits[/** @type {keyof GPUSupportedLimits} */ (key)]);
  const found = {
    name: name === "" ? info.device : name,
    backend: "",
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: info.description,
    isCpu: info.isFallbackAdapter,
    subgroupSize: /** @type {[number, number]} */ ([info.subgroupMinSize, info.subgroupMaxSize]),
    features: [...adapter.features].sort(),
    limits,
  };
  const device = await adapter.requestDevice();
  device.destroy();
  return found;
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

if (isMain(import.meta.url)) {
  process.stdout.write(`${JSON.stringify(await look())}\n`);
}
