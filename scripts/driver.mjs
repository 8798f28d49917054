/**
 * Makes sure that there is a WebGPU adapter. Where there is none, root on Debian or Ubuntu gets Mesa's software Vulkan driver
 * (unless EQUIPOISE_NO_INSTALL=1); everyone else gets the commands to type.
 */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { addSuite, backupOf, editSource, hasSuite, recoverSource, sourceFiles } from "./aptSource.mjs";
import { withLock } from "./lock.mjs";
import { tail } from "./messages.mjs";
import {
  APT_PACKAGES,
  adapterFix,
  backportsSuite,
  driverCommands,
  driverVariable,
  isTooOld,
  readMachine,
} from "./platform.mjs";
import { probeAdapters } from "./probe.mjs";
import { runQuietly, SetupError, say } from "./run.mjs";

/** @typedef {import("./platform.mjs").Machine} Machine */
/** @typedef {import("./probe.mjs").Probe} Probe */

const DRIVER_LOCK = "/run/equipoise-driver.lock";
const LOCK_WAIT_SECONDS = 180;

/**
 * Looks for an adapter, and installs a driver where that is allowed.
 * @param {{ machine?: Machine, env?: NodeJS.ProcessEnv }} [known] for tests
 * @returns {Promise<Probe>} with at least one adapter
 * @throws {SetupError} that says what is missing and what to do
 */
export async function ensureAdapter({ machine = readMachine(), env = process.env } = {}) {
  if (hasLeftovers(machine)) await withLock(DRIVER_LOCK, () => putBackSources(machine));
  const probe = await probeAdapters(env);
  if (probe.adapters.length > 0) return probe;
  const obstacle = whyNotInstall(probe, machine, env);
  if (obstacle !== null) throw new SetupError(noAdapterMessage(probe, machine, env, obstacle));
  await withLock(DRIVER_LOCK, () => installDriver(machine));
  const after = await probeAdapters(env);
  if (after.adapters.length > 0) {
    say(`found: ${after.adapters[0]?.description}`);
    return after;
  }
  throw new SetupError(
    noAdapterMessage(after, machine, env, "The driver is installed, but Dawn found no adapter that works."),
  );
}

/**
 * @param {Probe} probe
 * @param {Machine} machine
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | null} null if a driver may be installed and is likely to help
 */
export function whyNotInstall(probe, machine, env) {
  const chosen = driverVariable(env);
  if (!probe.loads) return "The `webgpu` package does not load.";
  if (chosen) return `${chosen} is set: installing another driver would not help.`;
  if (env.EQUIPOISE_NO_INSTALL && env.EQUIPOISE_NO_INSTALL !== "0")
    return "EQUIPOISE_NO_INSTALL is set: nothing was changed.";
  if (machine.distro !== "debian" && machine.distro !== "ubuntu") return "";
  if (!machine.root) return "Installing a driver needs root: nothing was changed.";
  if (isTooOld(machine)) return "This release is too old.";
  return null;
}

/**
 * @param {Probe} probe
 * @param {Machine} machine
 * @param {NodeJS.ProcessEnv} env
 * @param {string} obstacle why nothing was installed; "" if that goes without saying
 * @returns {string}
 */
export function noAdapterMessage(probe, machine, env, obstacle) {
  const said = tail(probe.messages, 8);
  return [
    `no WebGPU adapter on ${machine.name}.`,
    ...(obstacle ? [`  ${obstacle}`] : []),
    ...(probe.error ? [`  ${probe.error.trim()}`] : []),
    ...(said ? ["  Dawn and the drivers said:", said] : []),
    "  What to do:",
    ...adapterFix(probe, machine, env).map((line) => `    ${line}`),
  ].join("\n");
}

/**
 * Installs the software driver with apt. Where a newer suite is needed for it, that suite is added to the machine's own source
 * for the time of the installation, and the source is put back afterwards, also on failure or a signal.
 * @param {Machine} machine
 * @param {string} [etc] apt's configuration folder
 */
export async function installDriver(machine, etc = "/etc/apt") {
  const suite = backportsSuite(machine);
  const edit = suite ? planEdit(machine, suite, etc) : null;
  const install = ["install", "-y", "--no-install-recommends", ...(suite ? ["-t", suite] : []), ...APT_PACKAGES];
  say("no WebGPU adapter found: installing Mesa's software Vulkan driver. EQUIPOISE_NO_INSTALL=1 prevents this.");
  if (edit) {
    say(`  add ${suite} to ${edit.file} (backup: ${backupOf(edit.file)}; put back as soon as the driver is installed)`);
  }
  for (const args of [["update"], install]) say(`  apt-get ${args.join(" ")}`);
  const restore = edit ? editSource(edit.file, edit.text) : () => {};
  const guard = restoreOnEnd(restore);
  try {
    const update = await apt(["update"], guard.check);
    const { code, output } = await apt(install, guard.check);
    if (code !== 0) throw new SetupError(installFailure(machine, update, { code, output }));
  } finally {
    restore();
    guard.stop();
  }
}

/**
 * @param {Machine} machine
 * @param {string} suite
 * @param {string} etc
 * @returns {{ file: string, text: string } | null} null if the suite is already there
 */
function planEdit(machine, suite, etc) {
  putBackSources(machine, etc);
  const sources = sourceFiles(etc).map((file) => ({ file, text: readFileSync(file, "utf8") }));
  if (sources.some(({ file, text }) => hasSuite(text, file, suite))) return null;
  for (const { file, text } of sources) {
    const edited = addSuite(text, file, machine.codename, suite);
    if (edited !== null) return { file, text: edited };
  }
  const commands = driverCommands(machine).map((line) => `    ${line}`);
  throw new SetupError(
    `no apt source of ${machine.codename} found in ${etc}. Install a driver with:\n${commands.join("\n")}`,
  );
}

/**
 * @param {Machine} machine
 * @returns {boolean} true if a source was changed by a run that was killed, or is being changed by one that goes on
 */
function hasLeftovers(machine) {
  return machine.root && backportsSuite(machine) !== null && sourceFiles().some((file) => existsSync(backupOf(file)));
}

/**
 * Puts back the sources that a killed run left changed. The caller holds the lock.
 * @param {Machine} machine
 * @param {string} [etc]
 */
export function putBackSources(machine, etc) {
  const suite = backportsSuite(machine);
  for (const file of suite ? sourceFiles(etc) : []) {
    if (suite && recoverSource(file, machine.codename, suite))
      say(`put back ${file}, which a stopped run had left changed`);
  }
}

/**
 * Runs apt-get. While another package manager holds apt's locks, it waits up to LOCK_WAIT_SECONDS.
 * @param {string[]} args
 * @param {() => void} check throws when the process was asked to stop
 */
async function apt(args, check) {
  const options = ["-o", `DPkg::Lock::Timeout=${LOCK_WAIT_SECONDS}`, "-o", "Acquire::Retries=3"];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const deadline = Date.now() + LOCK_WAIT_SECONDS * 1000;
  for (let said = false; ; ) {
    const result = await runQuietly("apt-get", [...options, ...args], { env, label: `apt-get ${args[0]}` });
    check();
    const locked = result.code !== 0 && /Could not get lock|Unable to lock/.test(result.output);
    if (!locked || Date.now() > deadline) return result;
    if (!said) say("  another package manager is at work: waiting for it");
    said = true;
    await sleep(3000);
  }
}

/**
 * @param {Machine} machine
 * @param {{ code: number, output: string }} update
 * @param {{ code: number, output: string }} install
 */
function installFailure(machine, update, install) {
  const updateFailed =
    update.code === 0 ? "" : `apt-get update failed with exit code ${update.code}:\n${tail(update.output, 10)}\n`;
  return (
    `${updateFailed}apt-get install failed with exit code ${install.code}:\n${tail(install.output)}\n` +
    "  The apt source is as it was. When the cause is gone, run the command again, or install a driver with:\n" +
    driverCommands(machine)
      .map((line) => `    ${line}`)
      .join("\n")
  );
}

/**
 * Restores the source at once when the process is asked to end. The running apt-get, which gets the signal too, is waited
 * for, since dpkg must not lose its parent half-way; then `check` ends the installation.
 * @param {() => void} restore
 * @returns {{ check: () => void, stop: () => void }}
 */
function restoreOnEnd(restore) {
  let stoppedBy = 0;
  /** @type {readonly (readonly [NodeJS.Signals, number])[]} */
  const signals = [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ];
  const handlers = signals.map(([signal, code]) => {
    const handler = () => {
      restore();
      stoppedBy = code;
    };
    process.on(signal, handler);
    return /** @type {const} */ ([signal, handler]);
  });
  process.on("exit", restore);
  return {
    check: () => {
      if (stoppedBy > 0) throw new SetupError("stopped; the apt source is as it was", stoppedBy);
    },
    stop: () => {
      process.off("exit", restore);
      for (const [signal, handler] of handlers) process.off(signal, handler);
    },
  };
}
