/** Child processes with little noise: one line when a command starts, a sign of life, its last lines when it fails. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** A set-up step that failed for a reason the user can act on; the message is shown without a stack. */
export class SetupError extends Error {
  /** @override */
  name = "SetupError";

  /**
   * @param {string} message
   * @param {number} [exitCode] above 128 if a signal ended the step
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Writes a line of progress. Standard output belongs to the command that the user asked for.
 * @param {string} text
 */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * @typedef {object} QuietOptions
 * @property {string} [label] what is going on, for the sign of life; default: the command
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [beatSeconds] time between two signs of life
 * @property {(text: string) => void} [log]
 */

/**
 * Runs a command without input, and collects its output (stdout and stderr together). A signal is passed on to the command,
 * whose end then decides what happens.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {QuietOptions} [options]
 * @returns {Promise<{ code: number, output: string }>} code 127 if the command does not exist
 */
export function runQuietly(command, args, options = {}) {
  const { label = command, cwd, env, beatSeconds = 10, log = say } = options;
  const started = Date.now();
  const beat = setInterval(() => {
    log(`  still at it: ${label} (${Math.round((Date.now() - started) / 1000)} s)`);
  }, beatSeconds * 1000);
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ["ignore", "pipe", "pipe"] });
    const stopRelay = relaySignals(child, ["SIGINT", "SIGTERM", "SIGHUP"]);
    const end = (/** @type {number} */ code) => {
      clearInterval(beat);
      stopRelay();
      resolve({ code, output });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
        output += text;
      });
    }
    child.on("error", (error) => {
      output += `${error.message}\n`;
      end(127);
    });
    child.on("close", (code, signal) => end(exitCode(code, signal)));
  });
}

/**
 * Runs a command that owns the terminal, and returns its exit code.
 *
 * Ctrl-C reaches the child from the terminal; here it only must not end this process first. Without a terminal it is
 * passed on, as the other signals are.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>}
 */
export function runForeground(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: "inherit" });
    const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    const stopRelay = relaySignals(child, terminal ? ["SIGTERM", "SIGHUP"] : ["SIGTERM", "SIGHUP", "SIGINT"]);
    const ignore = () => {};
    process.on("SIGINT", ignore);
    const end = () => {
      stopRelay();
      process.off("SIGINT", ignore);
    };
    child.on("error", (error) => {
      end();
      reject(new SetupError(`cannot start ${command}: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      end();
      resolve(exitCode(code, signal));
    });
  });
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {readonly NodeJS.Signals[]} signals
 * @returns {() => void} stops it
 */
function relaySignals(child, signals) {
  const relays = signals.map((signal) => /** @type {const} */ ([signal, () => void child.kill(signal)]));
  for (const [signal, relay] of relays) process.on(signal, relay);
  return () => {
    for (const [signal, relay] of relays) process.off(signal, relay);
  };
}

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 * @returns {number} as a shell gives it: 128 + number for a signal
 */
function exitCode(code, signal) {
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}
