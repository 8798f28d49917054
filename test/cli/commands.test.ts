import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EvaluateOptions, ImportOptions, PredictOptions, SynthOptions } from "../../cli/actions.js";
import { run, runResult } from "./support.js";

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
      ["fm", { shape: "stem-cell", size: 64 }],
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
      const one = { teacher: null, student: runResult.student, ensemble: null };
      return { classes: runResult.classes, chance: 0.5, majority: null, ...one };
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
    const answers = async (_at: string, _images: string[], { network }: PredictOptions) => {
      expect(network).toBe("ensemble");
      return 1;
    };
    const asked = ["predict", "run", "a.png", "--out", "p.csv", "--network", "ensemble"];
    expect((await run(asked, { predictRun: answers })).code).toBe(0);
    expect((await run([...asked.slice(0, -1), "both"])).stderr).toContain(
      "Allowed choices are student, teacher, ensemble",
    );
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
