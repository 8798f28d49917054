import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isStale, withLock } from "../../scripts/lock.mjs";

const MODULE = resolve(import.meta.dirname, "../../scripts/lock.mjs");

let root = "";
let lock = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-lock-"));
  lock = join(root, "sub/setup.lock");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A process id that was in use a moment ago. */
function deadPid(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

test("the lock is held during the action and released after it, also when it fails", async () => {
  await withLock(lock, () => expect(existsSync(lock)).toBe(true));
  expect(existsSync(lock)).toBe(false);
  await expect(withLock(lock, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(existsSync(lock)).toBe(false);
});

test("only a lock of a live, renewing holder counts", async () => {
  await withLock(lock, () => {
    expect(isStale(lock)).toBe(false);
    const old = new Date(Date.now() - 120_000);
    utimesSync(lock, old, old);
    expect(isStale(lock)).toBe(true);
  });
  writeFileSync(lock, JSON.stringify({ pid: deadPid(), host: hostname() }));
  expect(isStale(lock)).toBe(true);
  writeFileSync(lock, JSON.stringify({ pid: 1, host: "another machine" }));
  expect(isStale(lock)).toBe(false);
  writeFileSync(lock, "");
  expect(isStale(lock)).toBe(false);
});

test("six processes that find a stale lock take turns", { timeout: 60_000 }, async () => {
  await withLock(lock, () => undefined);
  writeFileSync(lock, JSON.stringify({ pid: deadPid(), host: hostname() }));
  const trace = join(root, "trace");
  const code = `import { appendFileSync } from "node:fs"; import { withLock } from ${JSON.stringify(MODULE)};
    await withLock(${JSON.stringify(lock)}, async () => {
      appendFileSync(${JSON.stringify(trace)}, "+" + process.pid + "\\n");
      await new Promise((r) => setTimeout(r, 30));
      appendFileSync(${JSON.stringify(trace)}, "-" + process.pid + "\\n");
    }, { pollMs: 5, log: () => {} });`;
  const run = () =>
    new Promise<number | null>((done) => {
      spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "inherit" }).on("close", done);
    });
  expect(await Promise.all(Array.from({ length: 6 }, run))).toEqual([0, 0, 0, 0, 0, 0]);
  const lines = readFileSync(trace, "utf8").trim().split("\n");
  expect(lines.length).toBe(12);
  for (let i = 0; i < lines.length; i += 2) expect(lines[i + 1]).toBe(lines[i]?.replace("+", "-"));
  expect(existsSync(lock)).toBe(false);
});
