import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { summary } from "../../scripts/summaryReporter.mjs";

const PROJECT = resolve(import.meta.dirname, "../..");
const REPORTER = join(PROJECT, "scripts/summaryReporter.mjs");

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-summary-"));
  symlinkSync(join(PROJECT, "node_modules"), join(root, "node_modules"), "dir");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Runs vitest on test files of the given contents; returns exit code and lines of stdout. */
function run(files: Record<string, string>): { code: number | null; lines: string[] } {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(root, name), `import { beforeAll, describe, expect, test } from "vitest";\n${text}`);
  }
  const args = ["run", "--root", root, "--reporter", "default", "--reporter", REPORTER];
  const vitest = join(PROJECT, "node_modules/vitest/vitest.mjs");
  const { status, stdout } = spawnSync(process.execPath, [vitest, ...args], { cwd: root, encoding: "utf8" });
  return { code: status, lines: stdout.trimEnd().split("\n") };
}

test("the last line counts passed and failed tests of all files", () => {
  const { code, lines } = run({
    "a.test.ts": 'test("good", () => {}); describe("d", () => { test("bad", () => expect(1).toBe(2)); });',
    "b.test.ts": 'test("good", () => {});',
  });
  expect(code).toBe(1);
  expect(lines.at(-1)).toBe("2 passed, 1 failed");
});

test("skipped tests are counted and their reason shown once", () => {
  const { code, lines } = run({
    "a.test.ts":
      'test("one", (t) => t.skip("needs Chromium")); test("two", (t) => t.skip("needs Chromium")); test("three", () => {});' +
      'test.skip("four", () => {});',
  });
  expect(code).toBe(0);
  expect(lines.slice(-3)).toEqual([
    "skipped 2 tests: needs Chromium",
    "skipped 1 test: no reason given",
    "1 passed, 0 failed, 3 skipped",
  ]);
});

test("a file that does not load, a failing hook and an unhandled error count as failures", () => {
  const { code, lines } = run({
    "load.test.ts": 'throw new Error("at load");',
    "hook.test.ts": 'describe("d", () => { beforeAll(() => { throw new Error("hook"); }); test("x", () => {}); });',
    "loose.test.ts":
      'test("x", async () => { void Promise.reject(new Error("loose")); await new Promise((r) => setTimeout(r, 20)); });',
  });
  expect(code).toBe(1);
  expect(lines.at(-1)).toBe("1 passed, 3 failed, 1 skipped");
});

test("summary leaves skipped out when there are none", () => {
  expect(summary({ passed: 3, failed: 0, skipped: new Map() })).toEqual(["3 passed, 0 failed"]);
});
