/** A lock between processes, so that two first runs in one checkout do not install or build into each other. */
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "./run.mjs";

/** The holder renews its lock this often; a lock not renewed for STALE_MS belongs to nobody. */
const RENEW_MS = 5_000;
const STALE_MS = 60_000;

/**
 * Runs `action` while holding the lock file, after waiting for another holder. A lock is taken over when its process
 * is gone or has not renewed it for a minute.
 * @template T
 * @param {string} path lock file; its folder is made
 * @param {() => T | Promise<T>} action
 * @param {{ pollMs?: number, log?: (text: string) => void }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(path, action, { pollMs = 200, log = say } = {}) {
  mkdirSync(dirname(path), { recursive: true });
  for (let waited = 0; !acquire(path); waited++) {
    if (isStale(path)) removeStale(path);
    else {
      if (waited === 0) log(`waiting for another run that is setting up (${path})`);
      await sleep(pollMs);
    }
  }
  const renew = setInterval(() => touch(path), RENEW_MS);
  const release = () => {
    if (isOurs(path)) rmSync(path, { force: true });
  };
  process.once("exit", release);
  try {
    return await action();
  } finally {
    clearInterval(renew);
    process.off("exit", release);
    release();
  }
}

/** @param {string} path */
function acquire(path) {
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: "wx" });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {boolean} false if another process took the lock over, as after a long sleep of the machine
 */
function isOurs(path) {
  try {
    const { pid, host } = JSON.parse(readFileSync(path, "utf8"));
    return pid === process.pid && host === hostname();
  } catch {
    return false;
  }
}

/**
 * @param {string} path
 * @returns {boolean} true if the holder is gone; false also when the lock was just released
 */
export function isStale(path) {
  try {
    if (age(path) > STALE_MS) return true;
    const { pid, host } = JSON.parse(readFileSync(path, "utf8"));
    return host === hostname() && !isAlive(pid);
  } catch {
    return false; // released meanwhile, or its holder has not written its name yet
  }
}

/**
 * Removes a stale lock. Of several waiters only one does so: between its look and its removal another could
 * otherwise have taken the lock anew.
 * @param {string} path
 */
function removeStale(path) {
  const guard = `${path}.takeover`;
  if (age(guard) > STALE_MS) rmSync(guard, { force: true });
  if (!acquire(guard)) return;
  try {
    if (isStale(path)) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * @param {string} path
 * @returns {number} milliseconds since it was written or renewed; 0 without the file
 */
function age(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? Date.now() - found.mtimeMs : 0;
}

/** @param {string} path */
function touch(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // the folder was removed under a running set-up; the action's own error says so
  }
}
