import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cliNeedsGpu } from "../../scripts/bootstrap.mjs";

const BOOTSTRAP = resolve(import.meta.dirname, "../../scripts/bootstrap.mjs");
const elsewhere = mkdtempSync(join(tmpdir(), "equipoise-bootstrap-"));
afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

function bootstrap(args: string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [BOOTSTRAP, ...args], {
    cwd: elsewhere,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
}

describe("cliNeedsGpu", () => {
  test.each([
    ["train --data x", true],
    ["--json resume runs/a", true],
    ["evaluate runs/a", true],
    ["predict runs/a x.png", true],
    ["train --help", false],
    ["doctor", false],
    ["adapters", false],
    ["synth out", false],
    ["import fashion-mnist out", false],
    ["report runs/a", false],
    ["--help", false],
    ["", false],
  ])("%s: %s", (line, needs) => {
    expect(cliNeedsGpu(line.split(" ").filter(Boolean))).toBe(needs);
  });
});

test("without a task it lists the tasks and fails", () => {
  const { status, stdout, stderr } = bootstrap([]);
  expect(status).toBe(1);
  expect(stdout).toBe("");
  for (const task of ["demo", "test", "build", "check", "cli"]) expect(stderr).toMatch(new RegExp(`^  ${task} `, "m"));
});

test("cli: stdout carries the command's output alone, and its exit code is passed on", () => {
  const doctor = bootstrap(["cli", "doctor", "--json"]);
  expect(doctor.status).toBe(0);
  expect(JSON.parse(doctor.stdout)).toMatchObject({ ok: true });
  expect(bootstrap(["cli", "no-such-command"]).status).not.toBe(0);
});

test.skipIf(process.platform !== "linux")(
  "a task that needs a GPU fails before it starts when there is no adapter",
  () => {
    const env = { VK_DRIVER_FILES: "/nonexistent", EQUIPOISE_NO_INSTALL: "1" };
    for (const args of [["demo"], ["test", "test/scripts/lock.test.ts"], ["cli", "train"]]) {
      const { status, stdout, stderr } = bootstrap(args, env);
      expect(status).toBe(1);
      expect(stdout).toBe("");
      expect(stderr).toMatch(/equipoise: no WebGPU adapter on/);
      expect(stderr).toContain("What to do:");
    }
  },
);
