import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { headAndTail, tail } from "../../scripts/messages.mjs";
import { runQuietly } from "../../scripts/run.mjs";

const MODULE = resolve(import.meta.dirname, "../../scripts/run.mjs");
const node = (code: string, options = {}) => runQuietly(process.execPath, ["-e", code], options);

describe("runQuietly", () => {
  test("collects both streams and the exit code", async () => {
    const { code, output } = await node('console.log("out"); console.error("err"); process.exitCode = 3');
    expect(code).toBe(3);
    expect(output).toContain("out\n");
    expect(output).toContain("err\n");
  });

  test("a command that does not exist is a failure like any other", async () => {
    const { code, output } = await runQuietly("equipoise-no-such-command", []);
    expect(code).toBe(127);
    expect(output).toContain("ENOENT");
  });

  test("a long command gives a sign of life, and none after its end", async () => {
    const lines: string[] = [];
    const log = (text: string) => lines.push(text);
    await node("setTimeout(() => {}, 500)", { label: "apt-get update", beatSeconds: 0.1, log });
    const count = lines.length;
    expect(count).toBeGreaterThanOrEqual(2);
    expect(lines[0]).toMatch(/^ {2}still at it: apt-get update \(\d+ s\)$/);
    await new Promise((done) => setTimeout(done, 250));
    expect(lines.length).toBe(count);
  });
});

describe.skipIf(process.platform === "win32")("runForeground", () => {
  /** Runs `child` through runForeground in a process of its own without a terminal; sends it the signal at the first output. */
  function run(child: string, signal?: NodeJS.Signals): Promise<{ code: number | null; stdout: string }> {
    const script = `import { runForeground } from ${JSON.stringify(MODULE)};
      process.exitCode = await runForeground(process.execPath, ["-e", ${JSON.stringify(child)}]);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    parent.stdout.on("data", (text) => {
      if (stdout === "" && signal) parent.kill(signal);
      stdout += text;
    });
    return new Promise((done) => parent.on("close", (code) => done({ code, stdout })));
  }

  test("passes output and exit code on", async () => {
    expect(await run('console.log("hello"); process.exitCode = 4')).toEqual({ code: 4, stdout: "hello\n" });
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s reaches the command once, which may finish in order",
    async (signal) => {
      const child = `process.on("${signal}", () => { console.log("checkpoint"); setTimeout(() => process.exit(5), 200); });
      console.log("started"); setTimeout(() => process.exit(9), 10000);`;
      expect(await run(child, signal)).toEqual({ code: 5, stdout: "started\ncheckpoint\n" });
    },
  );

  test("a command ended by a signal gives the shell's exit code", async () => {
    expect((await run('process.kill(process.pid, "SIGKILL")')).code).toBe(137);
  });
});

test("long output is cut to its end, or to its beginning and end", () => {
  const output = Array.from({ length: 30 }, (_, i) => `line ${i}`).join("\n\n");
  expect(tail(output, 2)).toBe("  | line 28\n  | line 29");
  expect(headAndTail(output, 1, 1)).toBe("  | line 0\n  | ...\n  | line 29");
  expect(headAndTail("a\nb", 1, 1)).toBe("  | a\n  | b");
});
