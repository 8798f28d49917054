import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { TrainOptions } from "../../cli/actions.js";
import { defaultRunFolder } from "../../cli/output.js";
import { UserError } from "../../engine/errors.js";
import { resolveConfig } from "../../pipeline/config/resolve.js";
import { run, runResult } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "equipoise-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const fresh = (name: string) => join(folder, name);

describe("train", () => {
  /** Runs `train` and hands over what the trainer was called with. */
  async function train(args: string[], io = {}) {
    let options: TrainOptions | undefined;
    const trainRun = async (given: TrainOptions) => {
      options = given;
      writeFileSync(join(given.out, "config.json"), "{}");
      return runResult;
    };
    const outcome = await run(["train", "--data", "images", ...args], { trainRun }, io);
    return { ...outcome, options };
  }

  test("passes on the resolved configuration and the flags", async () => {
    const out = fresh("run-a");
    const args = ["--config", "ms-ipb-vgg", "--preset", "tiny", "--fold", "1", "--seed", "5", "--set", "batch=4"];
    const { code, options } = await train([...args, "--out", out, "--adapter", "llvm", "--yes"]);
    expect(code).toBe(0);
    expect(options).toMatchObject({ dataRoot: "images", out, adapter: "llvm", yes: true });
    expect(options?.config).toEqual(
      resolveConfig({ config: "ms-ipb-vgg", preset: "tiny", fold: 1, seed: 5, set: ["batch=4"] }),
    );
    expect(options?.signal.aborted).toBe(false);
  });

  test("prints the balanced accuracies and the classes as measured", async () => {
    const { stdout } = await train(["--out", fresh("run-b")]);
    expect(stdout.split("\n").slice(0, 7)).toEqual([
      "                   chance  majority  teacher  student  ensemble",
      "balanced accuracy  50.0 %    50.0 %   60.0 %   70.0 %    80.0 %",
      "",
      "class   images  recall  precision      F1  AUROC",
      "Dense        5  70.0 %     50.0 %  60.0 %      -",
      "Spread       5  70.0 %     50.0 %  60.0 %      -",
      "all         10                     60.0 %      -",
    ]);
    expect(stdout).toContain("3 min 20 s, best epoch 4, fine-tuned; run folder ");
  });

  test("--json is one document, whatever is logged meanwhile", async () => {
    const trainRun = async ({ log }: TrainOptions) => {
      log.info("scanning");
      log.warn("few images");
      log.progress({ label: "epoch 1", done: 1, total: 2 });
      return runResult;
    };
    const { stdout, stderr } = await run(["train", "--data", "d", "--out", fresh("run-c"), "--json"], { trainRun });
    expect(JSON.parse(stdout)).toEqual({ run: fresh("run-c"), ...runResult });
    expect(stderr).toBe("scanning\nwarning: few images\nepoch 1 1/2 (50 %)\n");
  });

  test("the default run folder has the configuration and the time in its name", () => {
    expect(defaultRunFolder("ipb-vgg", new Date(2024, 0, 5, 9, 3, 7))).toBe(join("runs", "ipb-vgg-20240105-090307"));
    expect(defaultRunFolder("my run/1", new Date(2024, 10, 15, 19, 33, 47))).toBe(
      join("runs", "my_run_1-20241115-193347"),
    );
  });

  test("refuses a folder with content, a file, and a path through a file", async () => {
    const full = fresh("full");
    mkdirSync(full);
    writeFileSync(join(full, "x"), "");
    const occupied = await train(["--out", full]);
    expect(occupied).toMatchObject({ code: 1, options: undefined });
    expect(occupied.stderr).toContain(`--out ${full}: the folder is not empty; choose another --out`);
    writeFileSync(join(full, "config.json"), "{}");
    expect((await train(["--out", full])).stderr).toContain(
      `--out ${full}: the folder is not empty; continue its run with "equipoise resume ${full}", or choose another --out`,
    );
    expect((await train(["--out", join(full, "x")])).stderr).toContain("is a file; give the path of a new folder");
    const through = await train(["--out", join(full, "x", "run")]);
    expect(through).toMatchObject({ code: 1, options: undefined });
    expect(through.stderr).toContain("a part of the path is a file; choose another --out");
  });

  test("leaves no empty folder behind when the run cannot start, and no folder for a wrong option", async () => {
    const out = fresh("never");
    const trainRun = () => Promise.reject(new UserError("data: there is no folder images"));
    expect(await run(["train", "--data", "images", "--out", out], { trainRun })).toMatchObject({ code: 1 });
    expect(existsSync(out)).toBe(false);
    expect((await train(["--out", out, "--set", "batch=0"])).code).toBe(1);
    expect(existsSync(out)).toBe(false);
  });

  test("asks before something costly only where somebody can answer", async () => {
    const questions: string[] = [];
    const answers: boolean[] = [];
    const trainRun = async ({ log }: TrainOptions) => {
      answers.push(await log.confirm("about 30 h; go on?"));
      return runResult;
    };
    const ask = async (question: string) => {
      questions.push(question);
      return false;
    };
    await run(["train", "--data", "d", "--out", fresh("ask-1")], { trainRun }, { ask });
    await run(["train", "--data", "d", "--out", fresh("ask-2")], { trainRun });
    expect([questions, answers]).toEqual([["about 30 h; go on?"], [false, true]]);
  });
});

describe("interruption", () => {
  /** A trainer that stops itself with a signal, saves a checkpoint if asked to, and gives up as it should. */
  const stopped = (name: "SIGINT" | "SIGTERM", checkpoint: boolean) => async (options: TrainOptions) => {
    if (checkpoint) mkdirSync(join(options.out, "checkpoint"));
    process.emit(name);
    options.signal.throwIfAborted();
    return runResult;
  };

  test("Ctrl-C ends with code 130 and the command that continues", async () => {
    const out = fresh("stopped");
    const { code, stdout, stderr } = await run(["train", "--data", "d", "--out", out], {
      trainRun: stopped("SIGINT", true),
    });
    expect([code, stdout]).toEqual([130, ""]);
    expect(stderr).toContain("stopping; press Ctrl-C again to stop at once\n");
    expect(stderr).toContain(`stopped; continue with: equipoise resume ${out}\n`);
    expect(process.listenerCount("SIGINT")).toBe(process.listenerCount("SIGTERM"));
  });

  test("the command fits the way it was called", async () => {
    const out = fresh("stopped in a checkout");
    const env = { npm_lifecycle_event: "equipoise" };
    const { stderr } = await run(
      ["train", "--data", "d", "--out", out],
      { trainRun: stopped("SIGINT", true) },
      { env },
    );
    expect(stderr).toContain(`continue with: npm run -s equipoise -- resume "${out}"\n`);
  });

  test("kill ends with code 143; without a checkpoint there is nothing to continue", async () => {
    const out = fresh("killed");
    const { code, stdout, stderr } = await run(["train", "--data", "d", "--out", out, "--json"], {
      trainRun: stopped("SIGTERM", false),
    });
    expect(code).toBe(143);
    expect(JSON.parse(stdout).error.name).toBe("Interrupted");
    expect(stderr).toContain("there was no checkpoint yet");
    expect(existsSync(out)).toBe(false);
  });

  test("an error of its own during the stop is still an error; a run that finishes is a success", async () => {
    const broken = async ({ signal }: TrainOptions) => {
      process.emit("SIGINT");
      expect(signal.aborted).toBe(true);
      throw new UserError("disk full");
    };
    expect((await run(["train", "--data", "d", "--out", fresh("broken")], { trainRun: broken })).code).toBe(1);
    const finished = async () => {
      process.emit("SIGINT");
      return runResult;
    };
    expect((await run(["train", "--data", "d", "--out", fresh("done")], { trainRun: finished })).code).toBe(0);
  });

  test("resume is stopped like train, and no handler stays behind", async () => {
    const before = process.listenerCount("SIGINT");
    const resumeRun = async (_: string, { signal }: { signal: AbortSignal }) => {
      expect(process.listenerCount("SIGINT")).toBe(before + 1);
      process.emit("SIGINT");
      signal.throwIfAborted();
      return runResult;
    };
    const at = fresh("resumed");
    mkdirSync(join(at, "checkpoint"), { recursive: true });
    const { code, stderr } = await run(["resume", at], { resumeRun });
    expect(code).toBe(130);
    expect(stderr).toContain(`continue with: equipoise resume ${at}`);
    expect(process.listenerCount("SIGINT")).toBe(before);
  });
});
