import { expect, test } from "vitest";
import type { TuneCommandOptions, TuneReport } from "../../pipeline/tuning/tuneRun.js";
import { run } from "./support.js";

const report: TuneReport = {
  adapter: "llvmpipe",
  file: "/cache/tuning.json",
  tuned: [
    { key: "gemm-nn m16 32->8", variant: "fast", preferred: "own", seconds: { fast: 0.001, own: 0.002 }, flops: 2e7 },
    { key: "gemm-nn m16 64->8", variant: "own", preferred: "own", seconds: { own: 0.004, fast: 0.005 }, flops: 4e7 },
    { key: "gemm-nn m16 99->8", variant: "only", preferred: "only", seconds: {}, flops: 1 },
  ],
};

async function tuning(args: string[]) {
  const calls: TuneCommandOptions[] = [];
  const outcome = await run(["tune", ...args], {
    tune: async (options) => {
      calls.push(options);
      return report;
    },
  });
  return { ...outcome, calls };
}

test("tune prints what was timed and what changed, and where it is kept", async () => {
  const { code, stdout } = await tuning(["--preset", "tiny"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/gemm-nn m16 32->8 +fast +1\.00 ms +20\.0 +2\.00x/);
  expect(stdout).toMatch(/gemm-nn m16 64->8 +own +4\.00 ms +10\.0 +the default/);
  expect(stdout).not.toContain("99->8");
  expect(stdout).toContain("3 shapes on llvmpipe; 1 now differ from the default. Kept in /cache/tuning.json");
});

test("tune --json is the report; flags choose the step", async () => {
  const { stdout, calls } = await tuning([
    "--json",
    "--model",
    "ms-vgg19",
    "--input",
    "128",
    "--batch",
    "6",
    "--classes",
    "3",
  ]);
  expect(JSON.parse(stdout)).toEqual(report);
  expect(calls[0]).toMatchObject({
    classes: 3,
    config: { model: "ms-vgg19", batch: 6, patch: { size: 128, smallSize: 64 } },
  });
});

test("tune refuses what no step can be made of", async () => {
  expect(await tuning(["--model", "vgg18"])).toMatchObject({ code: 1, calls: [] });
  expect(await tuning(["--batch", "1"])).toMatchObject({ code: 2, calls: [] });
});
