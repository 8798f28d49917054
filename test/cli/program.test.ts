import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { EvaluateOptions, ImportOptions, SynthOptions, TrainOptions } from "../../cli/actions.js";
import { defaultRunFolder } from "../../cli/output.js";
import { GpuError, UserError } from "../../engine/errors.js";
import { configReference } from "../../pipeline/config/reference.js";
import { resolveConfig } from "../../pipeline/config/resolve.js";
import { run, runResult } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "equipoise-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const fresh = (name: string) => join(folder, name);

describe("usage errors end with code 2 and say what was meant", () => {
  test.each([
    [["trian"], "unknown command 'trian'", "Did you mean train?"],
    [["train", "--data", "x", "--presett", "tiny"], "unknown option '--presett'", "Did you mean --preset?"],
    [["train"], "required option '--data <folder>' not specified", ""],
    [["train", "--data", "x", "--preset", "huge"], "Allowed choices are tiny, small, full", ""],
    [["train", "--data", "x", "--seed", "-1"], "Give a whole number from 0 up", ""],
    [["train", "--data", "x", "--fold", "one"], "Give a whole number from 0 up", ""],
    [["resume"], "missing required argument 'run'", ""],
    [["predict", "run", "--out", "x.csv"], "missing required argument 'images'", ""],
    [["import", "mnist", "out"], "unknown command 'mnist'", "add --help"],
    [["doctor", "now"], "too many arguments", ""],
  ])("%j", async (args, message, suggestion) => {
    const { code, stdout, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toContain(suggestion);
    expect(stdout).toBe("");
  });

  test("no command shows the help on stderr", async () => {
    const { code, stdout, stderr } = await run([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Usage: equipoise");
  });

  test("with --json a usage error is one JSON document as well", async () => {
    const { code, stdout, stderr } = await run(["trian", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      name: "UsageError",
      message: expect.stringContaining("unknown command 'trian'"),
    });
    expect(stderr).toContain("unknown command");
  });
});

describe("help and version", () => {
  test("--help lists every command on stdout", async () => {
    const { code, stdout, stderr } = await run(["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const name of [
      "doctor",
      "adapters",
      "synth",
      "import",
      "detect",
      "score",
      "train",
      "resume",
      "evaluate",
      "predict",
      "summary",
      "tune",
      "profile",
      "experiment",
      "table",
      "configs",
      "report",
      "config",
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
    }
  });

  test("a command's help shows the global options", async () => {
    const { stdout } = await run(["train", "--help"]);
    expect(stdout).toContain("--set <key=value>");
    expect(stdout).toContain("--json");
  });

  test("--version is that of package.json", async () => {
    const { code, stdout } = await run(["--version"]);
    expect([code, stdout]).toEqual([0, `${JSON.parse(readFileSync("package.json", "utf8")).version}\n`]);
  });
});

describe("errors", () => {
  const failing = (error: unknown) => ({ writeReport: () => Promise.reject(error) });

  test("a UserError or GpuError is one line on stderr and code 1", async () => {
    for (const error of [new UserError("run/config.json: no"), new GpuError("limit", "too big")]) {
      const { code, stdout, stderr } = await run(["report", "run"], failing(error));
      expect([code, stdout, stderr]).toEqual([1, "", `error: ${error.message}\n`]);
    }
  });

  test("another error says that it is unexpected, and how to learn more", async () => {
    const { code, stderr } = await run(["report", "run"], failing(new TypeError("x is undefined")));
    expect(code).toBe(1);
    expect(stderr).toContain("error: unexpected TypeError: x is undefined\n");
    expect(stderr).toContain("--debug");
    expect(stderr).not.toContain("    at ");
  });

  test("--debug and EQUIPOISE_DEBUG=1 show the stack", async () => {
    const byFlag = await run(["report", "run", "--debug"], failing(new UserError("no")));
    const byVariable = await run(["report", "run"], failing(new UserError("no")), { env: { EQUIPOISE_DEBUG: "1" } });
    for (const { stderr } of [byFlag, byVariable]) expect(stderr).toMatch(/error: no\n.*UserError: no\n +at /s);
    const off = await run(["report", "run"], failing(new UserError("no")), { env: { EQUIPOISE_DEBUG: "0" } });
    expect(off.stderr).toBe("error: no\n");
  });

  test("with --json the error is one JSON document on stdout", async () => {
    const { code, stdout, stderr } = await run(
      ["report", "run", "--json"],
      failing(new GpuError("no-adapter", "none")),
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ error: { name: "GpuError", message: "none" } });
    expect(stderr).toBe("error: none\n");
  });
});

describe("config", () => {
  test("show prints YAML that reads back to the same configuration", async () => {
    const args = [
      "config",
      "show",
      "--config",
      "ml-ms-ipb-vgg",
      "--preset",
      "full",
      "--recipe",
      "small-data",
      "--seed",
      "7",
    ];
    const { code, stdout } = await run([...args, "--fold", "2", "--set", "batch=8", "--set", "meta.threshold=0.9"]);
    expect(code).toBe(0);
    const file = fresh("shown.yaml");
    writeFileSync(file, stdout);
    const config = resolveConfig({ config: file });
    expect(config).toMatchObject({ config: "ml-ms-ipb-vgg", preset: "full", recipe: "small-data", seed: 7, batch: 8 });
    expect([config.data.fold, config.meta.threshold, config.patch.size]).toEqual([2, 0.9, 224]);
  });

  test("show --json is the resolved configuration and nothing else", async () => {
    const { stdout, stderr } = await run(["--json", "config", "show", "--config", "vgg19"]);
    expect(JSON.parse(stdout)).toEqual(resolveConfig({ config: "vgg19" }));
    expect(stderr).toBe("");
  });

  test("a wrong key ends with code 1 and the nearest right one", async () => {
    const { code, stderr } = await run(["config", "show", "--set", "meta.treshold=0.9"]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: --set meta.treshold=0.9: unknown option "meta.treshold"; did you mean "meta.threshold"?\n',
    );
  });

  test("list names the configurations", async () => {
    const { stdout } = await run(["config", "list", "--json"]);
    const names = JSON.parse(stdout).map((row: { name: string }) => row.name);
    expect(names).toEqual([
      "vgg19",
      "hrnet",
      "ms-hrnet",
      "ipb-vgg",
      "ms-ipb-vgg",
      "ml-ipb-vgg",
      "ml-ms-ipb-vgg",
      "ms-ipb-hrnet",
      "ml-ipb-hrnet",
      "ml-ms-ipb-hrnet",
      "simclr",
      "contrastive-clustering",
      "simtriplet",
      "mpl-imbalanced",
      "mpl-balanced",
    ]);
  });

  test("docs/config.md is what `config reference` prints", async () => {
    const { stdout } = await run(["config", "reference"]);
    expect(stdout).toBe(configReference());
    const advice = "docs/config.md is out of date: npm run -s equipoise -- config reference > docs/config.md";
    expect(readFileSync("docs/config.md", "utf8"), advice).toBe(stdout);
  });
});

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
      "                   chance  majority  teacher  student",
      "balanced accuracy  50.0 %    50.0 %   60.0 %   70.0 %",
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
    expect(occupied.stderr).toContain(
      `--out ${full}: the folder is not empty; continue its run with "equipoise resume ${full}"`,
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

describe("the other commands pass on their arguments", () => {
  test("synth and import", async () => {
    const calls: unknown[] = [];
    const summary = { images: 4, counts: { Dense: 3, MultiLabel: 1 } };
    const synthesise = async (out: string, { onProgress, signal: _, ...options }: SynthOptions) => {
      calls.push([out, options]);
      onProgress(3, 4);
      return summary;
    };
    const synth = await run(["synth", "images", "--preset", "table1", "--seed", "9", "--json"], { synthesise });
    expect(JSON.parse(synth.stdout)).toEqual({ out: "images", ...summary });
    expect(synth.stderr).toContain("drawing images 3/4 (75 %)");
    const importFashionMnist = async (out: string, { onProgress: _, signal: __, ...options }: ImportOptions) => {
      calls.push([out, options]);
      return { ...summary, testCounts: { Dense: 1 } };
    };
    await run(["import", "fashion-mnist", "fm", "--shape", "stem-cell", "--source", "idx"], { importFashionMnist });
    const imported = await run(["import", "fashion-mnist", "fm"], { importFashionMnist });
    expect(imported.stdout).toBe(
      "Dense       3\nMultiLabel  1\nall         4\n\ntrain on them: equipoise train --data fm\n" +
        `then test on the second set: equipoise evaluate RUN --data ${join("fm", "test")}\n`,
    );
    expect(calls).toEqual([
      ["images", { preset: "table1", seed: 9 }],
      ["fm", { shape: "stem-cell", size: 64, source: "idx" }],
      ["fm", { shape: "stem-cell" }],
    ]);
  });

  test("synth can be stopped", async () => {
    const synthesise = async (_: string, { signal }: SynthOptions) => {
      process.emit("SIGINT");
      signal.throwIfAborted();
      return { images: 0, counts: {} };
    };
    const { code, stderr } = await run(["synth", "images"], { synthesise });
    expect(code).toBe(130);
    expect(stderr).toContain("stopped; no image was kept\n");
  });

  test("evaluate", async () => {
    const evaluateRun = async (at: string, { log: _, ...options }: EvaluateOptions) => {
      expect([at, options]).toEqual(["run", { data: "other", patches: 5 }]);
      return { classes: runResult.classes, chance: 0.5, majority: null, teacher: null, student: runResult.student };
    };
    const { code, stdout } = await run(["evaluate", "run", "--data", "other", "--patches", "5"], { evaluateRun });
    expect(code).toBe(0);
    expect(stdout).toContain(
      "                   chance  majority  network\nbalanced accuracy  50.0 %         -   70.0 %\n",
    );
  });

  test("predict and report", async () => {
    const predictRun = async (at: string, images: string[], { out }: { out: string }) => {
      expect([at, images, out]).toEqual(["run", ["a.png", "b.png"], "p.csv"]);
      return 2;
    };
    const predicted = await run(["predict", "run", "a.png", "b.png", "--out", "p.csv", "--json"], { predictRun });
    expect(JSON.parse(predicted.stdout)).toEqual({ run: "run", out: "p.csv", images: 2 });
    const writeReport = async (at: string, out?: string) => out ?? join(at, "report.html");
    expect((await run(["report", "run"], { writeReport })).stdout).toBe(`${join("run", "report.html")}\n`);
    expect((await run(["report", "run", "--out", "r.html"], { writeReport })).stdout).toBe("r.html\n");
  });

  test("doctor ends with code 1 where something is missing", async () => {
    const diagnose = async () => ({ ok: false, text: "no adapter", details: { adapter: null } });
    expect(await run(["doctor"], { diagnose })).toEqual({ code: 1, stdout: "no adapter\n", stderr: "" });
    expect(JSON.parse((await run(["doctor", "--json"], { diagnose })).stdout)).toEqual({ adapter: null });
  });

  test("adapters lists them, or says what to do without one", async () => {
    const adapter = { vendor: "mesa", architecture: "", device: "", description: "llvmpipe (LLVM 19)", isCpu: true };
    const details = {
      ...adapter,
      subgroupMinSize: 8,
      subgroupMaxSize: 8,
      features: ["subgroups"],
      maxStorageBufferBindingSize: 2 ** 27,
    };
    const { stdout } = await run(["adapters"], { adapters: async () => [details] });
    expect(stdout).toMatch(/llvmpipe \(LLVM 19\) +CPU +128 MiB +subgroups\n$/);
    const none = await run(["adapters"], { adapters: async () => [] });
    expect(none).toMatchObject({
      code: 1,
      stdout: "",
      stderr: 'error: no WebGPU adapter found; "equipoise doctor" says why and what to do\n',
    });
  });
});
