import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseCsv } from "../../../pipeline/data/csv.js";
import { LockedError, withRunLock } from "../../../pipeline/run/lock.js";
import { FakeRunner, root, small, start, write } from "./support.js";

describe("several processes on one plan", () => {
  it("leaves a run to the process that is at it, and takes it when that is gone", async () => {
    write(small);
    const taken = join(root, "runs", "demo", "vgg19-fold0-seed3");
    const runner = new FakeRunner();
    const { runs } = await withRunLock(taken, () => start(runner));
    expect(runs.map((run) => run.status)).toEqual(["elsewhere", "done", "done", "done"]);
    expect(runner.calls).toHaveLength(3);
    expect((await start(runner)).runs[0]!.status).toBe("done");
    expect(runner.calls[3]).toBe("train vgg19-fold0-seed3");
  });

  it("takes over what another process finishes, fails or gives up meanwhile", async () => {
    write(small);
    const runner = new FakeRunner();
    const other = new FakeRunner();
    let asked = false;
    runner.instead = () => {
      if (asked) return;
      asked = true;
      // While this one makes the first run, another process finishes the second, fails at the third and begins the fourth.
      other.finish(join(root, "runs", "demo", "ipb-vgg-fold0-seed3"));
      const third = join(root, "runs", "demo", "vgg19-fold1-seed3");
      mkdirSync(third, { recursive: true });
      writeFileSync(join(third, "failure.json"), JSON.stringify({ error: "the disk is full", at: Date.now() + 1 }));
      mkdirSync(join(root, "runs", "demo", "ipb-vgg-fold1-seed3"), { recursive: true });
    };
    const { runs } = await start(runner);
    expect(runner.calls).toEqual(["train vgg19-fold0-seed3", "train ipb-vgg-fold1-seed3"]);
    expect(runs.map((run) => [run.status, run.error])).toEqual([
      ["done", null],
      ["done", null],
      ["failed", "the disk is full"],
      ["done", null],
    ]);
    const { rows } = parseCsv(readFileSync(join(root, "runs", "demo", "runs.csv"), "utf8"), "runs.csv");
    expect(rows.map(({ values }) => values.run)).toContain("ipb-vgg-fold0-seed3");
    await start(runner);
    expect(runner.calls.slice(2)).toEqual(["train vgg19-fold1-seed3"]);
  });

  it("a run that another process takes in the same moment is left to it", async () => {
    write(small);
    const runner = new FakeRunner();
    runner.instead = (folder) => {
      if (runner.calls.length === 1) throw new LockedError(`${folder}: process 1 is working on this run`);
    };
    const { runs } = await start(runner);
    // Nobody holds it any more when all others are done.
    expect(runner.calls.slice(0, 2)).toEqual(["train vgg19-fold0-seed3", "resume vgg19-fold0-seed3"]);
    expect(runs.every((run) => run.status === "done")).toBe(true);
  });
});
