import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
  for (const task of ["demo", "all-tiny", "test", "build", "check", "bench", "cli"])
    expect(stderr).toMatch(new RegExp(`^  ${task} `, "m"));
});

test.skipIf(process.platform === "win32")("works when started through a symbolic link", () => {
  const link = join(elsewhere, "checkout");
  symlinkSync(resolve(import.meta.dirname, "../.."), link, "dir");
  const { status, stderr } = spawnSync(process.execPath, [join(link, "scripts/bootstrap.mjs")], { encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toContain("is no task");
});

test("cli: paths are those of the folder where the command was typed", () => {
  writeFileSync(join(elsewhere, "mine.yaml"), "nonsense: 1\n");
  const env = { npm_lifecycle_event: "equipoise", INIT_CWD: elsewhere };
  const { stderr } = spawnSync(process.execPath, [BOOTSTRAP, "cli", "config", "show", "--config", "mine.yaml"], {
    cwd: resolve(BOOTSTRAP, "../.."),
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  expect(stderr).toContain("nonsense");
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
