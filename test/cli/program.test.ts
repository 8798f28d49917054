import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { GpuError, UserError } from "../../engine/errors.js";
import { configReference } from "../../pipeline/config/reference.js";
import { resolveConfig } from "../../pipeline/config/resolve.js";
import { run } from "./support.js";

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
      "classmap",
      "timecourse",
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

  test("a command below a command shows the global options, not those of the command above", async () => {
    const { stdout } = await run(["profile", "compare", "--help"]);
    expect(stdout).toContain("--json");
    expect(stdout).not.toContain("--repeats");
    const kernel = await run(["profile", "kernel", "--help"]);
    expect(kernel.stdout).toContain("--adapter <name>");
    expect(kernel.stdout).not.toContain("--preset");
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
