import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseCsv } from "../../../pipeline/data/csv.js";
import { readPlannedName } from "../../../pipeline/statistics/planned.js";
import { FakeRunner, root, small, start, write } from "./support.js";

describe("experiment", () => {
  it("makes every run once, and keeps figures per fold and the table", async () => {
    write(small);
    const runner = new FakeRunner();
    const events: string[] = [];
    const result = await start(runner, {
      onChange: (_, run) => events.push(run ? `${run.id} ${run.status}` : "begin"),
    });
    expect(runner.calls).toEqual([
      "train vgg19-fold0-seed3",
      "train ipb-vgg-fold0-seed3",
      "train vgg19-fold1-seed3",
      "train ipb-vgg-fold1-seed3",
    ]);
    expect(events.slice(0, 3)).toEqual(["begin", "vgg19-fold0-seed3 running", "vgg19-fold0-seed3 done"]);
    expect(result.runs.map((run) => run.status)).toEqual(["done", "done", "done", "done"]);
    const folder = join(root, "runs", "demo");
    const { rows } = parseCsv(readFileSync(join(folder, "runs.csv"), "utf8"), "runs.csv");
    expect(rows.map(({ values }) => [values.configuration, values.fold])).toEqual([
      ["vgg19", "0"],
      ["ipb-vgg", "0"],
      ["vgg19", "1"],
      ["ipb-vgg", "1"],
    ]);
    expect(Number(rows[0]!.values.balancedAccuracy)).toBe(result.runs[0]!.balancedAccuracy);
    expect(readFileSync(join(folder, "table.md"), "utf8")).toContain("| ipb-vgg");
    expect(existsSync(join(folder, "experiment.lock"))).toBe(false);
    await start(runner);
    expect(runner.calls).toHaveLength(4);
  });

  it("names settings in the table, and leaves what others need to do so", async () => {
    write(`${small}settings:\n  low: {meta.threshold: 0.5}\n  high: {meta.threshold: 0.9}\n`);
    await start(new FakeRunner());
    const folder = join(root, "runs", "demo");
    const names = ["vgg19 low", "vgg19 high", "ipb-vgg low", "ipb-vgg high"];
    for (const name of names) expect(readFileSync(join(folder, "table.md"), "utf8")).toContain(`\n| ${name} `);
    expect(readPlannedName(join(folder, "ipb-vgg-high-fold1-seed3"), "ipb-vgg")).toEqual({
      label: "ipb-vgg high",
      plan: "demo",
    });
  });

  it("records a run that fails, goes on, and tries it again the next time", async () => {
    write(small);
    const runner = new FakeRunner();
    runner.instead = (folder) => {
      if (folder.endsWith("ipb-vgg-fold0-seed3")) throw new Error("the loss is NaN");
    };
    const { runs } = await start(runner);
    expect(runs.map((run) => run.status)).toEqual(["done", "failed", "done", "done"]);
    const record = JSON.parse(readFileSync(join(root, "runs", "demo", "experiment.json"), "utf8"));
    expect(record.runs[1]).toMatchObject({ status: "failed", error: "the loss is NaN" });
    runner.instead = null;
    const again = await start(runner);
    expect(runner.calls.slice(4)).toEqual(["resume ipb-vgg-fold0-seed3"]);
    expect(again.runs.every((run) => run.status === "done" && run.error === null)).toBe(true);
  });

  it("stops when asked, and goes on with the run that had begun", async () => {
    write(small);
    const runner = new FakeRunner();
    const controller = new AbortController();
    runner.instead = () => {
      if (runner.calls.length < 2) return;
      controller.abort();
      controller.signal.throwIfAborted();
    };
    await expect(start(runner, { signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(join(root, "runs", "demo", "experiment.lock"))).toBe(false);
    runner.instead = null;
    await start(runner);
    expect(runner.calls.slice(2)).toEqual([
      "resume ipb-vgg-fold0-seed3",
      "train vgg19-fold1-seed3",
      "train ipb-vgg-fold1-seed3",
    ]);
  });

  it("a folder that was left before the run began is begun again", async () => {
    write(small);
    mkdirSync(join(root, "runs", "demo", "vgg19-fold0-seed3", "weights"), { recursive: true });
    const runner = new FakeRunner();
    await start(runner);
    expect(runner.calls[0]).toBe("train vgg19-fold0-seed3");
  });

  it("explains a plan that has changed, and makes nothing", async () => {
    write(small);
    const runner = new FakeRunner();
    await start(runner);
    write(`${small}set: {batch: 8, workers: 0}\n`);
    await expect(start(runner)).rejects.toThrow(
      /the plan has changed since runs in .* vgg19-fold0-seed3: "batch" was 16 and is now 8;.*and 1 more difference.*Take the change back/,
    );
    write(small.replace("images", "others"));
    await expect(start(runner)).rejects.toThrow(/the images were in .*images and are now in .*others/);
    expect(runner.calls).toHaveLength(4);
  });

  it("speed may change; runs may be added and taken out", async () => {
    write(small);
    const runner = new FakeRunner();
    await start(runner);
    write("data: images\nconfigs: [vgg19]\npreset: tiny\nfolds: [0, 1, 2]\nseeds: [3]\nset: {workers: 0}\n");
    const { runs, strangers } = await start(runner);
    expect(runner.calls.slice(4)).toEqual(["train vgg19-fold2-seed3"]);
    expect(runs).toHaveLength(3);
    expect(strangers).toEqual(["ipb-vgg-fold0-seed3", "ipb-vgg-fold1-seed3"]);
  });

  it("--dry-run makes nothing, and expects what runs of the same configuration took", async () => {
    write(small);
    const runner = new FakeRunner();
    expect((await start(runner, { dryRun: true })).runs.map((run) => run.status)).toEqual(Array(4).fill("waiting"));
    expect(existsSync(join(root, "runs"))).toBe(false);
    await start(runner);
    rmSync(join(root, "runs", "demo", "vgg19-fold1-seed3"), { recursive: true });
    const { runs } = await start(runner, { dryRun: true });
    expect(runs.map((run) => [run.status, run.expectedSeconds])[2]).toEqual(["waiting", 12.5]);
    expect(runner.calls).toHaveLength(4);
  });
});
