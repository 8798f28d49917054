import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { LockedError, runHolder, whileLocked, withRunLock } from "../../../pipeline/run/lock.js";
import { temporaryFolder } from "./images.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(folder.remove);

const built = fileURLToPath(new URL("../../../dist/node/pipeline/run/lock.js", import.meta.url));

/** A process that works on a run until it is killed. */
async function otherProcess(run: string) {
  const code = `import { withRunLock } from ${JSON.stringify(built)};
    await withRunLock(${JSON.stringify(run)}, () => new Promise((end) => {
      process.on("SIGTERM", end);
      setInterval(() => {}, 1000);
      console.log("at it");
    }));
    process.exit();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await once(child, "exit");
  };
  return { pid: child.pid as number, end };
}

const lockOf = (run: string) => JSON.parse(readFileSync(join(run, "run.lock"), "utf8"));
const edit = (run: string, change: object) =>
  writeFileSync(join(run, "run.lock"), JSON.stringify({ ...lockOf(run), ...change }));

describe("the lock of a run", () => {
  test("keeps another process out, naming it, and is taken over when that was killed", async () => {
    const run = at("killed");
    const other = await otherProcess(run);
    const refused = withRunLock(run, async () => "work");
    await expect(refused).rejects.toThrow(LockedError);
    await expect(refused).rejects.toThrow(
      new RegExp(`killed: process ${other.pid} \\(since .* UTC\\) is working on this run; wait for it, or stop it`),
    );
    await other.end("SIGKILL");
    expect(existsSync(join(run, "run.lock"))).toBe(true);
    expect(runHolder(run)).toBeNull();
    expect(await withRunLock(run, async () => lockOf(run).pid)).toBe(process.pid);
    expect(readdirSync(run)).toEqual([]);
  });

  test("goes with the process that ends its work", async () => {
    const run = at("ended");
    const other = await otherProcess(run);
    await other.end("SIGTERM");
    expect(existsSync(run), "a folder without content goes too").toBe(false);
  });

  test("a process that has the number of an earlier one does not hold its lock", async () => {
    const run = at("number");
    const other = await otherProcess(run);
    expect(runHolder(run)).toMatchObject({ pid: other.pid });
    edit(run, { began: "1" });
    expect(runHolder(run)).toBeNull();
    await other.end("SIGKILL");
    edit(run, { pid: process.pid });
    expect(await withRunLock(run, async () => "work")).toBe("work");
  });

  test("of another computer counts while it is renewed", async () => {
    const run = at("far");
    await withRunLock(run, async () => {
      edit(run, { host: "far-away", pid: 12 });
      await expect(withRunLock(run, async () => "work")).rejects.toThrow(/process 12 on far-away/);
      const old = new Date(Date.now() - 300_000);
      utimesSync(join(run, "run.lock"), old, old);
      expect(await withRunLock(run, async () => "work")).toBe("work");
    });
  });

  test("that is no lock counts for the moment in which it may be being written", async () => {
    const run = at("empty");
    mkdirSync(run);
    writeFileSync(join(run, "run.lock"), "");
    await expect(withRunLock(run, async () => "work")).rejects.toThrow(/another process is working on this run/);
    const old = new Date(Date.now() - 10_000);
    utimesSync(join(run, "run.lock"), old, old);
    expect(await withRunLock(run, async () => "work")).toBe("work");
  });

  test("is given free when the work fails, and what was written stays", async () => {
    const run = at("failed");
    const work = withRunLock(run, async () => {
      writeFileSync(join(run, "log.txt"), "line");
      throw new Error("no");
    });
    await expect(work).rejects.toThrow("no");
    expect(readdirSync(run)).toEqual(["log.txt"]);
  });

  test("names a place that cannot be a folder", async () => {
    writeFileSync(at("file"), "");
    await expect(withRunLock(at("file/run"), async () => "work")).rejects.toThrow(
      /run: cannot be made .* choose another/,
    );
  });
});

test("moments of work wait for each other", async () => {
  const file = join(at("moments"), "x.lock");
  const order: string[] = [];
  const long = withRunLock(at("moments"), async () => {
    await Promise.all(["a", "b", "c"].map((name) => whileLocked(file, () => order.push(name))));
  });
  await long;
  expect(order.sort()).toEqual(["a", "b", "c"]);
  expect(existsSync(file)).toBe(false);
});
