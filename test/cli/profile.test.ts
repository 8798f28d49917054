import { expect, test } from "vitest";
import type { Actions, Comparison, ProfileDocument } from "../../cli/actions.js";
import { run } from "./support.js";

const row = {
  ...{
    kernel: "conv2d_forward_x",
    shape: "1x2x2x4 -> 4, 3x3",
    variant: "register-4x8",
    calls: 2,
    medianMs: 1,
    p95Ms: 2,
  },
  ...{ share: 0.5, gflops: 12.34, gbps: 1, intensity: null, roofShare: 0.25, recoverableMs: 1.5 },
  hints: { tailWaste: 0.125, registers: 32, workgroupBytes: 0 },
};
const document = {
  subject: { step: "train", model: "vgg19" },
  ...{ timing: "timestamps", rows: [row, { ...row, kernel: "relu_forward", gflops: null, variant: null }] },
  roofline: { gflops: 100, gbps: 10 },
  totals: { matrixFlops: 2e9, recoverableMs: 3 },
  times: { unprofiledMs: 100, eagerMs: 120, capturedMs: 100, profiledMs: 110, gpuSumMs: 99, gpuSpanMs: 101 },
} as unknown as ProfileDocument;

function profiling(args: string[]) {
  const calls: Parameters<Actions["profile"]>[0][] = [];
  const profile: Actions["profile"] = async (options) => {
    calls.push(options);
    return document;
  };
  return run(["profile", ...args], { profile }).then((outcome) => ({ ...outcome, calls }));
}

test("profile passes on what is asked and prints the table", async () => {
  const files = ["--html", "p.html", "--trace", "t.json", "--svg", "r.svg", "--dump-shaders", "d"];
  const args = [
    "--config",
    "vgg19",
    "--preset",
    "tiny",
    "--input",
    "128",
    "--batch",
    "4",
    "--classes",
    "5",
    "--repeats",
    "3",
  ];
  const { code, stdout, calls } = await profiling([...args, "--timing", "host", ...files]);
  expect(code).toBe(0);
  expect(calls[0]).toMatchObject({
    ...{ step: "train", classes: 5, repeats: 3, timing: "host", tune: "cached" },
    ...{ html: "p.html", trace: "t.json", svg: "r.svg", dumpShaders: "d" },
  });
  expect(calls[0]?.config).toMatchObject({ model: "vgg19", batch: 4, patch: { size: 128 } });
  expect(stdout).toMatch(
    /conv2d_forward_x +1x2x2x4 -> 4, 3x3 +register-4x8 +2 +1\.000 +2\.000 +50\.0 % +12\.3 +1\.0 +- +25\.0 %/,
  );
  expect(stdout).toContain("(hint) tail");
  expect(stdout).toContain("100.0 ms without the profiler (captured; 120.0 ms op by op), 110.0 ms with it");
  expect(stdout).toContain("20.0 GFLOP/s: 20.0 % of the measured 100");
});

test("the step is the configuration's unless another is asked; only steps that exist are offered", async () => {
  expect((await profiling(["--preset", "tiny"])).calls[0]?.step).toBe("ipb");
  expect((await profiling(["--preset", "tiny", "--step", "predict"])).calls[0]?.step).toBe("predict");
  const wrong = await profiling(["--step", "fly"]);
  expect(wrong).toMatchObject({ code: 2, calls: [] });
  expect(wrong.stderr).toContain("Allowed choices are train, ipb, fixmatch, contrastive, predict, detect");
});

test("profile --json is the document", async () => {
  const { stdout } = await profiling(["--preset", "tiny", "--json"]);
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(document)));
});

test("profile compare prints changes, and warnings on stderr", async () => {
  const comparison: Comparison = {
    ...{ adapter: "mesa", unprofiledMs: [100, 50], gpuSumMs: [90, 45], warnings: ["a.json: quantised"] },
    rows: [{ kernel: "conv2d-forward", shape: "s", variants: ["x", "y"], calls: [1, 1], ms: [40, 10], change: -30 }],
  };
  const compareProfiles: Actions["compareProfiles"] = async (before, after) => {
    expect([before, after]).toEqual(["a.json", "b.json"]);
    return comparison;
  };
  const { code, stdout, stderr } = await run(["profile", "compare", "a.json", "b.json"], { compareProfiles });
  expect(code).toBe(0);
  expect(stdout).toMatch(/conv2d-forward +s +x -> y +40\.000 +10\.000 +-30\.000 +4\.00x/);
  expect(stdout).toContain("step without the profiler: 100.0 -> 50.0 ms (-50.0 %)");
  expect(stderr).toBe("warning: a.json: quantised\n");
});

test("profile kernel passes on sizes, settings and the adapter", async () => {
  const profileKernel: Actions["profileKernel"] = async (request) => {
    expect(request).toEqual({
      ...{ file: "k.wgsl", sizes: [16, 32], settings: ["count=n/4", "flops=2*n"], samples: 7, adapter: "llvm" },
    });
    const timing = { n: 16, constants: { WG: 8 }, params: {}, grid: [2, 1, 1], bestMs: 0.5, medianMs: 0.6 };
    return { adapter: "mesa", timings: [{ ...timing, gbps: 1, gflops: null, roofShare: 0.1, bound: "memory" }] };
  };
  const flags = ["--sizes", "16", "32", "--with", "count=n/4", "--flops", "2*n", "--samples", "7", "--adapter", "llvm"];
  const { code, stdout } = await run(["profile", "kernel", "k.wgsl", ...flags], { profileKernel });
  expect(code).toBe(0);
  expect(stdout).toMatch(/16 +WG=8 +2x1x1 +0\.5000 +0\.6000 +1\.00 +- +10\.0 % memory/);
});
