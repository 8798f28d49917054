import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, expect, test } from "vitest";
import { TestFolder } from "./data/folders.js";

const folders = new TestFolder();
afterAll(() => folders.remove());
const thread = join(import.meta.dirname, "../../pipeline/thread.ts");

/** Runs `main.mjs` with `answers.mjs` beside it, both with `thread.ts` in them, in a process of its own. */
async function run(main: string, answers: string) {
  const root = folders.make({
    "main.mjs": `import { AnsweringThread } from ${JSON.stringify(thread)};\n${main}`,
    "answers.mjs": `import { parentPort, workerData } from "node:worker_threads";
      import { answerRequests } from ${JSON.stringify(thread)};\n${answers}`,
  });
  const entryPoints = ["main.mjs", "answers.mjs"].map((name) => join(root, name));
  const outdir = join(root, "built");
  await build({ entryPoints, outdir, outExtension: { ".js": ".mjs" }, bundle: true, format: "esm", platform: "node" });
  const ended = spawnSync(process.execPath, [join(outdir, "main.mjs")], { encoding: "utf8", timeout: 20_000 });
  return { stdout: ended.stdout, stderr: ended.stderr, status: ended.status };
}

test("answers that are still under way do not end the process while the thread is closed", async () => {
  const main = `
    const answered = new Int32Array(new SharedArrayBuffer(4));
    const thread = new AnsweringThread(new URL("./answers.mjs", import.meta.url), answered, "a thread");
    const [first, second] = [thread.ask(0), thread.ask(1)];
    second.catch((error) => console.log(error.message));
    Atomics.wait(answered, 0, 0); // both answers lie in the queue when the first is seen
    try {
      await first;
    } catch (error) {
      console.log(error.name, error.message);
    } finally {
      await thread.close("closed");
    }
    console.log("went on");
    await thread.ask(2).catch((error) => console.log(error.message));`;
  const answers = `
    answerRequests(parentPort, async (request) => {
      if (request === 0) return Promise.reject(Object.assign(new Error("is damaged"), { name: "UserError" }));
      setImmediate(() => {
        Atomics.store(workerData, 0, 1);
        Atomics.notify(workerData, 0);
        for (;;); // keeps the thread from ending by itself
      });
    }, () => []);`;
  const lines = ["closed", "UserError is damaged", "went on", "closed"];
  const { stdout, ...rest } = await run(main, answers);
  expect(rest).toEqual({ stderr: "", status: 0 });
  expect(stdout.trim().split("\n").sort()).toEqual([...lines].sort());
});

test("an error keeps its kind; one that is no user's names the thread", async () => {
  const main = `
    const thread = new AnsweringThread(new URL("./answers.mjs", import.meta.url), null, "a thread");
    for (const name of ["UserError", "RangeError", "TypeError"])
      await thread.ask(name).catch((error) => console.log(error.constructor.name, error.message));
    console.log(await thread.ask("none"));`;
  const answers = `
    answerRequests(parentPort, async (name) => {
      if (name === "none") return "fine";
      throw Object.assign(new Error("what"), { name });
    }, () => []);`;
  const stdout = "UserError what\nRangeError what\nError TypeError in a thread: what\nfine\n";
  expect(await run(main, answers)).toEqual({ stdout, stderr: "", status: 0 });
});
