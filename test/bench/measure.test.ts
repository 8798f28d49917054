import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gemm } from "../../bench/cases.js";
import { Exchange, inputValues } from "../../bench/run/inputs.js";
import { type Contestant, deviation, measureCase } from "../../bench/run/measure.js";
import { EngineError, EngineProcess } from "../../bench/run/process.js";

const values = (...list: number[]) => Float32Array.from(list);

describe("results are compared", () => {
  test("the deviation is a share of the largest expected value", () => {
    expect(deviation(values(1, -4.004), values(1, -4), 2e-3, 0).value).toBeCloseTo(1e-3, 5);
    expect(deviation(values(1, -4.004), values(1, -4), 2e-3, 0).reason).toBeUndefined();
    expect(deviation(values(1, -4.1), values(1, -4), 2e-3, 0).reason).toMatch(/1 of 2 values by up to 2\.5e-2/);
  });

  test.each([
    ["another length", values(1), values(1, 2), /has 1 values, ours 2/],
    ["NaN", values(1, Number.NaN), values(1, 2), /holds NaN at 1/],
    ["infinity", values(1, Number.POSITIVE_INFINITY), values(1, 2), /holds Infinity at 1/],
    ["nothing but zeros", values(0, 0), values(0, 0), /zero everywhere/],
  ])("never right: %s", (_, got, expected, message) => {
    expect(deviation(got, expected, 1, 1).reason).toMatch(message);
  });

  test("elements that a ReLU decides otherwise are let pass up to their share", () => {
    const expected = new Float32Array(1000).fill(1);
    const got = Float32Array.from(expected);
    got[17] = 0;
    expect(deviation(got, expected, 1e-3, 1e-3)).toEqual({ value: 0 });
    got[18] = 0;
    expect(deviation(got, expected, 1e-3, 1e-3).reason).toMatch(/2 of 1000/);
  });
});

describe("processes", () => {
  let folder = "";
  let processes: EngineProcess[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "equipoise-process-"));
    processes = [];
  });
  afterEach(() => {
    for (const process of processes) process.end("the test is over");
    rmSync(folder, { recursive: true, force: true });
  });

  /** @param body answers `request` by calling `answer` */
  function engine(body: string): EngineProcess {
    const script = join(folder, `engine${processes.length}.mjs`);
    const head = `import { createInterface } from "node:readline";
      import { writeFileSync } from "node:fs";
      const answer = (value) => console.log("@bench " + JSON.stringify(value));
      for await (const line of createInterface({ input: process.stdin })) {
        const request = JSON.parse(line);
        if (request.op === "close") break;`;
    writeFileSync(script, `${head}\n${body}\n}`);
    const made = new EngineProcess("jax-js", { command: process.execPath, args: [script] });
    processes.push(made);
    return made;
  }

  test("what a library prints is no answer", async () => {
    const chatty = engine('console.log("hello"); answer({ ms: request.calls * 2 });');
    expect(await chatty.request("run", { calls: 3 }, 20)).toEqual({ ms: 6 });
    await chatty.close();
    expect(chatty.alive).toBe(false);
  });

  test("an engine that ends, fails or hangs is told with its last words", async () => {
    const dying = engine('console.error("no memory"); process.exit(3);');
    await expect(dying.request("run", {}, 20)).rejects.toThrow(
      /jax-js: its process ended \(exit code 3\)\n {2}\| no memory/,
    );
    await expect(dying.request("run", {}, 20)).rejects.toThrow(EngineError);
    await expect(engine('answer({ error: "bad shape" });').request("run", {}, 20)).rejects.toThrow(/jax-js: bad shape/);
    const hanging = engine("await new Promise((resolve) => setTimeout(resolve, 60_000));");
    await expect(hanging.request("run", {}, 0.5)).rejects.toThrow(/no answer to "run" in 0\.5 s/);
    const missing = new EngineProcess("torch-cpu", { command: join(folder, "no-such-command"), args: [] });
    await expect(missing.request("open", {}, 5)).rejects.toThrow(/torch-cpu: cannot be started/);
  });

  const contestant = (engineName: "equipoise" | "jax-js", process: EngineProcess): Contestant => ({
    engine: engineName,
    process,
    adapter: "A",
    driver: "",
    version: "1",
  });
  /** An engine whose result is `value` everywhere, and whose call takes `ms`. */
  const constant = (value: number, ms: number) =>
    engine(`if (request.op === "prepare") {
        const size = ${4 * 4};
        writeFileSync(request.output, new Uint8Array(new Float32Array(size).fill(${value}).buffer));
        answer({});
      } else if (request.op === "run") answer({ ms: ${ms} * request.calls, hostMs: request.calls });
      else answer({ info: { op: request.op } });`);

  test("engines take turns; a wrong result voids the time, a right one keeps it", async () => {
    const exchange = new Exchange();
    try {
      const all = [contestant("equipoise", constant(2, 50)), contestant("jax-js", constant(2, 10))];
      const options = { samples: 6, budget: 10 };
      const [ours, right] = await measureCase(gemm("gemm-4", 4, 4, 4), all, exchange, options);
      expect(ours?.record).toMatchObject({ bestMs: 50, medianMs: 50, hostShare: 0.02, gflops: 128 / 50e6 });
      expect(ours?.record?.samplesMs).toHaveLength(6);
      expect(right?.record).toMatchObject({ engine: "jax-js", bestMs: 10, deviation: 0, info: { op: "finish" } });
      const wrong = [all[0] as Contestant, contestant("jax-js", constant(3, 10))];
      const [, voided] = await measureCase(gemm("gemm-4", 4, 4, 4), wrong, exchange, options);
      expect(voided).toEqual({
        engine: "jax-js",
        failed: expect.stringMatching(/deviates from ours in 16 of 16 values/),
      });
    } finally {
      exchange.close();
    }
  });

  test("an engine over its budget ends after five samples", async () => {
    const exchange = new Exchange();
    try {
      const all = [contestant("equipoise", constant(1, 3000)), contestant("jax-js", constant(1, 10))];
      const [slow, fast] = await measureCase(gemm("gemm-4", 4, 4, 4), all, exchange, { samples: 8, budget: 10 });
      expect(slow?.record?.samplesMs).toHaveLength(5);
      expect(fast?.record?.samplesMs).toHaveLength(8);
    } finally {
      exchange.close();
    }
  });
});

test("inputs are the same in every run, within their ranges, and labels are classes", () => {
  const sizes = { classes: 4 };
  const x = inputValues({ sizes }, "x", [64, 64]);
  expect(inputValues({ sizes }, "x", [64, 64])).toEqual(x);
  expect(Math.max(...x)).toBeLessThan(1);
  expect(Math.min(...x)).toBeLessThan(-0.9);
  expect(new Set(inputValues({ sizes }, "labels", [64]))).toEqual(new Set([0, 1, 2, 3]));
  expect(inputValues({ sizes }, "bias0", [3])).toEqual(new Float32Array(3));
  const weight = inputValues({ sizes }, "conv0", [3, 3, 16, 8]);
  expect(Math.max(...weight)).toBeLessThan(Math.sqrt(3 / 144));
});
