import type { ChildProcess } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCheckpoint } from "../../../pipeline/run/checkpoint.js";
import { FolderStore, runPaths } from "../../../pipeline/run/folder.js";
import { temporaryFolder, writeImages } from "./images.js";
import { cli, metricsOf, startCli, trainArguments, until, weightsOf } from "./support.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder.path, ...parts);
afterAll(folder.remove);

/** A checkpoint after each step: the run is saved inside epochs too. */
const oftenSaved = ["checkpointMinutes=0.00001"];
const checkpointFile = (run: string) => join(run, "checkpoint", "checkpoint.safetensors");
const stateOf = async (run: string) => (await readCheckpoint(new FolderStore(runPaths(run))))?.state;

/** Whether the metrics of a run have a line of this kind with at least this step. */
function hasStep(run: string, kind: string, step: number): boolean {
  const file = join(run, "metrics.jsonl");
  if (!existsSync(file)) return false;
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line)).some((line) => line.kind === kind && line.step >= step);
}

beforeAll(async () => {
  writeImages(at("data"));
  const { code, stderr } = await cli(trainArguments(at("data"), at("whole")));
  expect(code, stderr).toBe(0);
});

/** Ends the process the hard way at the `nth` time that a checkpoint is being written (`part`) or has just been written (`done`). */
async function killAtCheckpoint(child: ChildProcess, run: string, moment: "part" | "done", nth: number): Promise<void> {
  await until(() => existsSync(join(run, "checkpoint")) || child.exitCode !== null, "the checkpoint folder");
  await new Promise<void>((resolve) => {
    let seen = 0;
    const watcher = watch(join(run, "checkpoint"), (event, name) => {
      const isPart = name === "checkpoint.safetensors.part" && event === "change";
      const isDone = name === "checkpoint.safetensors" && event === "rename";
      if (moment === "part" ? !isPart : !isDone) return;
      if (++seen < nth) return;
      child.kill("SIGKILL");
      watcher.close();
      resolve();
    });
    child.on("close", () => {
      watcher.close();
      resolve();
    });
  });
}

type Moment = (child: ChildProcess, run: string) => Promise<void>;
const killWhen =
  (condition: (run: string) => boolean, what: string): Moment =>
  async (child, run) => {
    await until(() => condition(run), what);
    child.kill("SIGKILL");
  };

const moments: Record<string, Moment> = {
  "before the first checkpoint": killWhen((run) => existsSync(join(run, "config.json")), "config.json"),
  "in pre-training": killWhen((run) => hasStep(run, "pretrain-step", 2), "a step of pre-training"),
  "while a checkpoint is being written": (child, run) => killAtCheckpoint(child, run, "part", 2),
  "just after a checkpoint": (child, run) => killAtCheckpoint(child, run, "done", 2),
  "in the teacher-student phase": killWhen((run) => hasStep(run, "step", 2), "a meta step"),
  "in the second epoch": killWhen((run) => hasStep(run, "step", 4), "a step of the second epoch"),
  "in fine-tuning": killWhen((run) => hasStep(run, "finetune-step", 2), "a step of fine-tuning"),
};

describe("a run that is killed", () => {
  test("again and again, at any moment, ends like one that is not", async () => {
    const run = at("killed");
    let start = () => startCli(trainArguments(at("data"), run, oftenSaved));
    const inside: boolean[] = [];
    for (const [name, kill] of Object.entries(moments)) {
      const { child, ended } = start();
      await kill(child, run);
      const { signal, stderr } = await ended;
      expect(signal, `${name}: ${stderr}`).toBe("SIGKILL");
      const state = await stateOf(run);
      if (name === "before the first checkpoint") expect(state).toBeUndefined();
      // Half a file, wherever the kill fell.
      if (name === "while a checkpoint is being written")
        writeFileSync(`${checkpointFile(run)}.part`, readFileSync(checkpointFile(run)).subarray(0, 5000));
      inside.push(state !== undefined && state.step % 3 !== 0);
      start = () => startCli(["resume", run]);
    }
    const { code, stderr } = await start().ended;
    expect(code, stderr).toBe(0);
    expect(inside, "some checkpoints lie inside an epoch").toContain(true);
    expect(metricsOf(run)).toEqual(metricsOf(at("whole")));
    expect(weightsOf(run)).toEqual(weightsOf(at("whole")));
    expect(readdirSync(join(run, "checkpoint"))).toEqual(["checkpoint.safetensors"]);
  });
});

describe("a run that is stopped by Ctrl-C", () => {
  const run = at("stopped");

  beforeAll(async () => {
    const { child, ended } = startCli([...trainArguments(at("data"), run), "--json"]);
    await until(
      () => hasStep(run, "pretrain-epoch", 0) || hasStep(run, "pretrain-step", 6),
      "the last step of pre-training",
    );
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("stopping; press Ctrl-C again to stop at once");
    expect(stderr).toContain(`stopped; continue with: equipoise resume ${run}`);
    expect(JSON.parse(stdout)).toEqual({
      error: { name: "Interrupted", message: expect.stringMatching(/^stopped; /) },
    });
    expect(existsSync(join(run, "result.json"))).toBe(false);
  });

  /** A copy of the stopped run, changed. */
  function changed(name: string, change: (run: string) => void): string {
    cpSync(run, at(name), { recursive: true });
    change(at(name));
    return at(name);
  }

  test("has a checkpoint, from which it goes on to the same end", async () => {
    expect(await stateOf(run)).toMatchObject({ best: null });
    const copy = changed("continued", () => {});
    const started = readFileSync(join(copy, "environment.json"), "utf8");
    const { code, stderr } = await cli(["resume", copy]);
    expect(code, stderr).toBe(0);
    expect(metricsOf(copy)).toEqual(metricsOf(at("whole")));
    expect(weightsOf(copy)).toEqual(weightsOf(at("whole")));
    expect(readFileSync(join(copy, "environment.json"), "utf8")).toBe(started);
  });

  test("cannot be evaluated yet, and says so", async () => {
    for (const args of [
      ["evaluate", run],
      ["predict", run, at("data"), "--out", at("x.csv")],
    ]) {
      const { code, stderr } = await cli(args);
      expect(code).toBe(1);
      expect(stderr).toMatch(/weights\/student\.safetensors: is missing: the run has not finished; continue it with/);
    }
  });

  test.each<[string, (run: string) => void, RegExp]>([
    ["is cut short", (copy) => truncateSync(checkpointFile(copy), 100_000), /truncated/],
    ["is empty", (copy) => truncateSync(checkpointFile(copy), 0), /0 bytes/],
    [
      "is no such file",
      (copy) => writeFileSync(checkpointFile(copy), "something else, longer than a header"),
      /header/,
    ],
    [
      "has one wrong bit",
      (copy) => {
        const bytes = readFileSync(checkpointFile(copy));
        bytes[bytes.length - 5000]! ^= 1;
        writeFileSync(checkpointFile(copy), bytes);
      },
      /does not fit its digest/,
    ],
  ])("is refused when its checkpoint %s", async (name, change, why) => {
    const copy = changed(name.replaceAll(" ", "-"), change);
    const { code, stderr } = await cli(["resume", copy]);
    expect(code).toBe(1);
    expect(stderr).toMatch(why);
    expect(stderr).toContain(`error: ${checkpointFile(copy)}: the checkpoint is damaged`);
    expect(stderr).toContain("remove it and resume to start the run from its beginning");
    expect(metricsOf(copy)).toEqual(metricsOf(run));
  });

  test("is refused when its metrics are not those of the checkpoint", async () => {
    const copy = changed("shorter", (path) => truncateSync(join(path, "metrics.jsonl"), 100));
    const { code, stderr } = await cli(["resume", copy]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/metrics\.jsonl: has 100 bytes, but the checkpoint knows of \d+: restore the file/);
  });

  test("is refused when its images have changed, and left as it was", async () => {
    const copy = changed("other-images", (path) => {
      const file = join(path, "environment.json");
      cpSync(at("data"), at("data-copy"), { recursive: true });
      writeFileSync(
        file,
        readFileSync(file, "utf8").replace(JSON.stringify(at("data")), JSON.stringify(at("data-copy"))),
      );
    });
    rmSync(at("data-copy/Round/7.png"));
    const before = readFileSync(join(copy, "environment.json"), "utf8");
    const { code, stderr } = await cli(["resume", copy]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${at("data-copy")}: the images are not those that this run began with`);
    expect(stderr).toContain("restore them, or start a new run");
    expect(readFileSync(join(copy, "environment.json"), "utf8")).toBe(before);
    expect(metricsOf(copy)).toEqual(metricsOf(run));
  });
});

test("a folder that holds no run is named", async () => {
  const { code, stderr } = await cli(["resume", at("data")]);
  expect(code).toBe(1);
  expect(stderr).toContain(`${at("data", "config.json")}: cannot be read`);
  expect(stderr).toContain("is this the folder of a run?");
});
