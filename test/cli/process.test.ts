import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

// Inside the project, so that the packages are found.
mkdirSync(".cache", { recursive: true });
const folder = mkdtempSync(join(".cache", "test-cli-"));
const main = join(folder, "cli/main.js");
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const sources = ["engine", "models", "pipeline", "cli"].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => join(root, file)),
  );
  await build({
    entryPoints: sources,
    outdir: folder,
    outbase: ".",
    format: "esm",
    platform: "node",
    logLevel: "error",
  });
  // A command line whose trainer hangs: it saves nothing and does not look at its signal.
  writeFileSync(
    join(folder, "hanging.js"),
    `import { runCli } from "./cli/program.js";
     const trainRun = ({ log }) => { log.info("running"); return new Promise(() => setInterval(() => {}, 1000)); };
     const io = { stdout: process.stdout, stderr: process.stderr, ask: null, env: {} };
     process.exitCode = await runCli(process.argv.slice(2), io, { trainRun });`,
  );
});

/** Starts a script and collects what it prints; `signals` are sent one by one, each after the text it waits for. */
function start(script: string, args: string[], signals: { after: string; signal: NodeJS.Signals }[] = []) {
  const child: ChildProcess = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const written = { stdout: "", stderr: "" };
  const waiting = [...signals];
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      while (waiting[0] !== undefined && written.stderr.includes(waiting[0].after)) child.kill(waiting.shift()?.signal);
    });
  }
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, ...written }));
  });
  return { child, ended };
}

test("the process ends by itself with the command's exit code, results on stdout alone", async () => {
  const shown = await start(main, ["config", "show", "--json"]).ended;
  expect([shown.code, shown.stderr]).toEqual([0, ""]);
  expect(JSON.parse(shown.stdout)).toMatchObject({ config: "ipb-vgg", preset: "small" });
  const wrong = await start(main, ["config", "show", "--set", "batch=x"]).ended;
  expect(wrong).toEqual({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^error: --set batch=x: "batch" must be/),
  });
  expect((await start(main, ["nonsense"]).ended).code).toBe(2);
});

test("a reader that closes the pipe early is no error", async () => {
  const { child, ended } = start(main, ["config", "reference"]);
  child.stdout?.destroy();
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
});

test("a second Ctrl-C ends a command that does not react to the first", async () => {
  const args = ["train", "--data", "images", "--out", join(folder, "run")];
  const signals = [
    { after: "running\n", signal: "SIGINT" as const },
    { after: "stopping; press", signal: "SIGINT" as const },
  ];
  const { code, stdout, stderr } = await start(join(folder, "hanging.js"), args, signals).ended;
  expect([code, stdout]).toEqual([130, ""]);
  expect(stderr).toBe("running\nstopping; press Ctrl-C again to stop at once\n");
});

test("a command that ends while it waits says so", async () => {
  const cut = join(folder, "cut");
  mkdirSync(cut);
  copyFileSync(main, join(cut, "main.js"));
  writeFileSync(join(cut, "lazyActions.js"), "export const actions = {};");
  writeFileSync(join(cut, "program.js"), "export const runCli = () => new Promise(() => {});");
  const { code, stderr } = await start(join(cut, "main.js"), []).ended;
  expect(code).toBe(13);
  expect(stderr).toContain("error: equipoise ended before its work was done");
});
