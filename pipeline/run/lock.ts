import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import * as z from "zod";
import { UserError } from "../../engine/errors.js";
import { reason, writeRemedy } from "./store.js";

/** The holder renews its lock this often; on another computer one that was not renewed for `staleMs` belongs to nobody. */
const renewMs = 10_000;
const staleMs = 120_000;
/** A lock is empty for a moment while it is made. */
const madeMs = 5_000;

const holderSchema = z.object({
  pid: z.int(),
  host: z.string(),
  /** When the process began, as its system counts; null where that is not known. */
  began: z.string().nullable(),
  /** When the lock was taken, ISO. */
  since: z.string(),
});
/** The process that holds a lock. */
export type Holder = z.infer<typeof holderSchema>;

/** Another process works where this one was to. */
export class LockedError extends UserError {}

/** Name of the lock file in the folder of a run. */
export const runLockName = "run.lock";

/**
 * Works on the folder of a run while keeping other processes out of it. The folder is made where there is none, and goes again
 * if nothing was written into it.
 * @throws LockedError naming the process that works there; UserError when the folder cannot be written; errors of `work`
 */
export async function withRunLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const made = makeFolder(folder);
  const file = join(folder, runLockName);
  const unlock = takeLock(file);
  if (typeof unlock !== "function")
    throw new LockedError(
      `${folder}: ${describe(unlock)} is working on this run; wait for it, or stop it. ` +
        `If that is no equipoise any more, remove ${file}`,
    );
  try {
    return await work();
  } finally {
    unlock();
    if (made) removeIfEmpty(folder);
  }
}

/** Works while holding a lock file, waiting for another holder first. For moments of work. @throws LockedError after a minute */
export async function whileLocked<T>(file: string, work: () => T): Promise<T> {
  makeFolder(dirname(file));
  for (let waited = 0; ; waited += 100) {
    const unlock = takeLock(file);
    if (typeof unlock === "function") {
      try {
        return work();
      } finally {
        unlock();
      }
    }
    if (waited > 60_000)
      throw new LockedError(`${file}: ${describe(unlock)} does not let go of this file; stop it, or remove the file`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Who works on a run; null: nobody, or a process that is gone. */
export function runHolder(folder: string): Holder | "unknown" | null {
  return liveHolder(join(folder, runLockName));
}

/**
 * Takes a lock, also one that was left by a process that is gone.
 * @returns what gives it free, or its living holder
 * @throws UserError when the file cannot be written
 */
function takeLock(file: string): (() => void) | Holder | "unknown" {
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    began: beginOf(process.pid),
    since: new Date().toISOString(),
  };
  const text = `${JSON.stringify(own)}\n`;
  for (let tries = 0; !create(file, text); tries++) {
    const holder = liveHolder(file);
    if (holder !== null) return holder;
    // Another process is taking it over at this moment.
    if (tries === 3) return "unknown";
    removeStale(file);
  }
  held.add(file);
  const renew = setInterval(() => touch(file), renewMs);
  renew.unref();
  const free = () => {
    held.delete(file);
    if (readText(file) === text) rmSync(file, { force: true });
  };
  process.once("exit", free);
  return () => {
    clearInterval(renew);
    process.off("exit", free);
    free();
  };
}

/** Locks of this process: a lock in its name that it does not hold is of an earlier process with the same number. */
const held = new Set<string>();

function create(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new UserError(
      `${file}: cannot be written (${reason(error)}): ${writeRemedy(error)}, or choose another folder`,
    );
  }
}

/** "unknown": something that says nothing of a process. */
function liveHolder(file: string): Holder | "unknown" | null {
  const text = readText(file);
  if (text === null) return null;
  const holder = parseHolder(text);
  if (holder === null) return age(file) < madeMs ? "unknown" : null;
  if (holder.host !== hostname()) return age(file) < staleMs ? holder : null;
  if (holder.pid === process.pid) return held.has(file) ? holder : null;
  return isAlive(holder.pid) && beginOf(holder.pid) === holder.began ? holder : null;
}

/**
 * Removes a lock whose holder is gone. Of several processes only one does so: between its look and its removal another could
 * otherwise have taken the lock anew.
 */
function removeStale(file: string): void {
  const guard = `${file}.takeover`;
  if (age(guard) > staleMs) rmSync(guard, { force: true });
  if (!create(guard, String(process.pid))) return;
  try {
    if (liveHolder(file) === null) rmSync(file, { force: true });
  } catch (error) {
    throw new UserError(
      `${file}: is left by a process that is gone, and cannot be removed (${reason(error)}); remove it`,
    );
  } finally {
    rmSync(guard, { force: true });
  }
}

function parseHolder(text: string): Holder | null {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process began, in ticks since the computer started (Linux); numbers of processes are used again. */
function beginOf(pid: number): string | null {
  const stat = readText(`/proc/${pid}/stat`);
  // The name of the program, in brackets, may hold anything; field 22 is the 20th behind it.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

function describe(holder: Holder | "unknown"): string {
  if (holder === "unknown") return "another process";
  const place = holder.host === hostname() ? "" : ` on ${holder.host}`;
  return `process ${holder.pid}${place} (since ${holder.since.slice(0, 19).replace("T", " ")} UTC)`;
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** Milliseconds since a file was written or renewed; 0 without it. */
function age(file: string): number {
  const found = statSync(file, { throwIfNoEntry: false });
  return found ? Date.now() - found.mtimeMs : 0;
}

function touch(file: string): void {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch {
    // The folder was removed meanwhile; the work's own error says so.
  }
}

/** @returns whether it was not there before */
function makeFolder(folder: string): boolean {
  try {
    return mkdirSync(folder, { recursive: true }) !== undefined;
  } catch (error) {
    throw new UserError(`${folder}: cannot be made (${reason(error)}): choose another --out folder`);
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It has content, which is to be kept.
  }
}
