import { expect, test } from "vitest";
import { type BenchCase, benchCases, step } from "../../bench/cases.js";
import { bar, barChart } from "../../bench/output/bars.js";
import { notes } from "../../bench/output/notes.js";
import { chartSvg } from "../../bench/output/svg.js";
import { table } from "../../bench/output/table.js";
import { median, recordOf } from "../../bench/run/record.js";
import type { SuiteResult } from "../../bench/run/suite.js";
import { someRecord } from "./records.js";

const named = (name: string) => benchCases.find((c) => c.name === name) as BenchCase;

const suite: SuiteResult = {
  peaks: { gflops: 100, gbps: 10 },
  absent: [{ engine: "torch-cpu", reason: "no Python" }],
  results: [
    {
      benchCase: named("gemm-512"),
      outcomes: [
        { engine: "equipoise", record: someRecord({ gflops: 50, bestMs: 5 }) },
        { engine: "jax-js", record: someRecord({ engine: "jax-js", gflops: 5, bestMs: 50 }) },
        { engine: "tfjs-webgpu", failed: "its result deviates <much>" },
      ],
    },
    {
      benchCase: named("stream"),
      outcomes: [
        { engine: "equipoise", record: someRecord({ case: "stream", gflops: null, gbps: 8, bestMs: 4 }) },
        {
          engine: "torch-cpu",
          record: someRecord({ case: "stream", engine: "torch-cpu", gflops: null, gbps: 16, bestMs: 2 }),
        },
        { engine: "jax-js", unsupported: "has no relu" },
      ],
    },
    ...[8, 16].map((n) => ({
      benchCase: named(`step-batch-${n}`),
      outcomes: [{ engine: "equipoise" as const, record: someRecord({ case: `step-batch-${n}`, bestMs: 3 * n }) }],
    })),
  ],
};

test("a record holds what is asked of it: best, median, rates at the best time", () => {
  const of = { case: "stream", engine: "equipoise", adapter: "A", driver: "", version: "1" };
  const record = recordOf(of, [4, 2, 8], { flops: 1e9, bytes: null }, {});
  expect(record).toMatchObject({ ...of, bestMs: 2, medianMs: 4, gflops: 500, gbps: null, samplesMs: [4, 2, 8] });
  expect(Number.isNaN(Date.parse(record.date))).toBe(false);
  expect(recordOf(of, [4, 2], { flops: null, bytes: 6e9 }, {})).toMatchObject({
    gflops: null,
    gbps: 3000,
    medianMs: 3,
  });
  expect(median([5, 1, 3, 2])).toBe(2.5);
});

test("the table shows rates, percent of the peak that bounds the case, and ratios", () => {
  const lines = table(suite).split("\n");
  expect(lines[1]).toMatch(/^gemm-512 +equipoise +5\.000 +5\.100 +50\.0 +50 %$/);
  expect(lines[2]).toMatch(/^ +jax-js +50\.00 .* 5 % +10\.0x faster$/);
  expect(lines[3]).toMatch(/tfjs-webgpu +no time$/);
  expect(lines[4]).toMatch(/^stream +equipoise .* 8\.0 +80 %$/);
  expect(lines[5]).toMatch(/torch-cpu .* 160 % +0?2\.00x slower$/);
  expect(lines.some((line) => line.includes("has no relu"))).toBe(false);
});

test("bars are as long as their times, and show the cost per image over the batch size", () => {
  expect(bar(1)).toBe("█".repeat(40));
  expect(bar(0.5)).toHaveLength(20);
  expect(bar(1e-9)).toBe("▏");
  const text = barChart(suite);
  expect(text).toMatch(/ {2}equipoise █{4} 5\.000\n {2}jax-js {4}█{40} 50\.00/);
  expect(text).toMatch(/best ms per image\n {2}batch 8 {2}█{40} 3\.000\n {2}batch 16 █{40} 3\.000/);
});

test("the drawing holds each group, each time and the adapter, and no markup of texts", () => {
  const svg = chartSvg(suite);
  expect(svg).toMatch(/^<svg[^>]*width="900"/);
  for (const text of [
    "gemm-512",
    "stream",
    "equipoise",
    "torch-cpu",
    "50.00 ms",
    "2.000 ms",
    "adapter A",
    "2026-01-01",
  ])
    expect(svg).toContain(text);
  expect(svg).not.toContain("<much>");
});

test("notes tell who took no part, which times do not count, and what a step needs", () => {
  const info = { dispatches: 50, submitsPerStep: 1, peakBytes: 2 ** 21, minimumBytes: 2 ** 20 };
  const record = someRecord({ case: "step", bestMs: 10, hostShare: 0.02, info });
  const outcomes = [{ engine: "equipoise" as const, record }];
  const text = notes({ ...suite, results: [...suite.results, { benchCase: step("step", 32), outcomes }] });
  expect(text).toContain("torch-cpu took no part: no Python");
  expect(text).toContain("gemm-512: no time of tfjs-webgpu: its result deviates <much>");
  expect(text).toContain("stream: jax-js has no relu");
  expect(text).toContain(
    "step: 50 dispatches, 1.0 submissions, host 0.200 ms (2.0 % of the step), 4.0 us of it per dispatch",
  );
  expect(text).toContain("peak 2.00 MiB, 2.00 times the analytic minimum of 1.00 MiB");
});
