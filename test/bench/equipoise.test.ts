import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BenchCase, conv, gemm, step, streaming } from "../../bench/cases.js";
import { minimumBytes } from "../../bench/equipoise/memory.js";
import { findEngine } from "../../bench/run/engines.js";
import { Exchange, inputValues } from "../../bench/run/inputs.js";
import { type Contestant, measureCase } from "../../bench/run/measure.js";
import { startEngines } from "../../bench/run/start.js";

/** The worker as it is built, on small cases, against sums in double precision. */

let ours: Contestant;
let exchange: Exchange;
beforeAll(async () => {
  exchange = new Exchange();
  const { engines, failed } = await startEngines({ engines: ["equipoise"], adapter: null, cases: [] }, () => {});
  expect(failed).toEqual([]);
  ours = engines[0] as Contestant;
});
afterAll(async () => {
  await ours?.process.close();
  exchange.close();
});

/** What the worker computes of a case. */
async function result(benchCase: BenchCase): Promise<Float32Array> {
  const inputs = exchange.inputs(benchCase);
  const output = exchange.output(benchCase, "equipoise");
  const { name, kind, sizes, inputs: shapes } = benchCase;
  const answer = await ours.process.request(
    "prepare",
    { spec: { name, kind, sizes, inputs: shapes }, inputs, output },
    60,
  );
  expect(answer.unsupported).toBeUndefined();
  const { ms } = await ours.process.request("run", { calls: 2 }, 60);
  expect(ms).toBeGreaterThan(0);
  await ours.process.request("finish", {}, 60);
  return new Float32Array(Uint8Array.from(readFileSync(output)).buffer);
}

const input = (benchCase: BenchCase, name: string) => inputValues(benchCase, name, benchCase.inputs[name] ?? []);

function expectClose(got: Float32Array, expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  const worst = Math.max(...expected.map((value, i) => Math.abs((got[i] as number) - value)));
  expect(worst / largest).toBeLessThan(1e-5);
}

test.each([
  ["nn", (i: number, k: number) => i * 5 + k, (k: number, j: number) => k * 7 + j],
  ["nt", (i: number, k: number) => i * 5 + k, (k: number, j: number) => j * 5 + k],
  ["tn", (i: number, k: number) => k * 6 + i, (k: number, j: number) => k * 7 + j],
] as const)("a matrix product, layout %s", async (layout, atA, atB) => {
  const [m, n, k] = [6, 7, 5];
  const benchCase = gemm(`gemm ${layout}`, m, n, k, layout);
  const [a, b] = [input(benchCase, "a"), input(benchCase, "b")];
  const expected = Array.from({ length: m * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return Array.from({ length: k }, (_, s) => a[atA(i, s)]! * b[atB(s, j)]!).reduce((x, y) => x + y);
  });
  expectClose(await result(benchCase), expected);
});

test("the passes of a convolution agree: <conv(x, w), dy> = <x, dx> = <w, dw>", async () => {
  const sizes = { n: 2, h: 5, w: 4, ci: 4, co: 8, k: 3 };
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * (b[i] as number), 0);
  const [forward, back, filter] = (["conv-forward", "conv-input", "conv-weight"] as const).map((kind) =>
    conv(kind, kind, sizes),
  ) as [BenchCase, BenchCase, BenchCase];
  const expected = dot(await result(forward), input(back, "dy"));
  expect(Math.abs(expected)).toBeGreaterThan(0.1);
  expect(dot(await result(back), input(forward, "x"))).toBeCloseTo(expected, 3);
  expect(dot(await result(filter), input(forward, "weight"))).toBeCloseTo(expected, 3);
});

test("a convolution is that of its definition", async () => {
  const benchCase = conv("conv 1x1", "conv-forward", { n: 1, h: 2, w: 3, ci: 4, co: 2, k: 1 });
  const [x, weight] = [input(benchCase, "x"), input(benchCase, "weight")];
  const expected = Array.from({ length: 12 }, (_, at) =>
    [0, 1, 2, 3].reduce((sum, i) => sum + x[Math.floor(at / 2) * 4 + i]! * weight[i * 2 + (at % 2)]!, 0),
  );
  expectClose(await result(benchCase), expected);
});

test("batch norm's output is never negative, and its gradient has no mean in any channel", async () => {
  const shape = [2, 4, 4, 4];
  const kind = { text: "batch norm", moved: 5, shape };
  const backward = streaming({ name: "bn-b", kind: "bn-backward", inputs: ["gamma", "beta", "dy"], ...kind });
  const dx = await result(backward);
  const forward = await result(streaming({ name: "bn-f", kind: "bn-forward", inputs: ["gamma", "beta"], ...kind }));
  expect(forward.some((v) => v > 0.5) && forward.every((v) => v >= 0)).toBe(true);
  for (let c = 0; c < 4; c++) {
    const column = Array.from({ length: 32 }, (_, row) => dx[row * 4 + c] as number);
    expect(Math.abs(column.reduce((a, b) => a + b))).toBeLessThan(1e-4);
    expect(Math.max(...column.map(Math.abs))).toBeGreaterThan(0.01);
  }
});

test("sums per channel", async () => {
  const benchCase = streaming({ name: "sums", kind: "channel-sums", text: "sums", moved: 1, shape: [3, 2, 2, 4] });
  const x = input(benchCase, "x");
  const expected = [0, 1, 2, 3].map((c) => x.filter((_, i) => i % 4 === c).reduce((a, b) => a + b, 0));
  expectClose(await result(benchCase), expected);
});

test("training steps reduce the loss, and a record holds what a step needs", async () => {
  const net = { channels: [4, 8], side: 16, hidden: 8, classes: 3 };
  const benchCase = step("small step", 6, net);
  const losses = await result(benchCase);
  expect(losses).toHaveLength(4);
  expect(losses[0]).toBeGreaterThan(0.5);
  expect(losses[3]).toBeLessThan(losses[0] as number);
  const [outcome] = await measureCase(benchCase, [ours], exchange, { samples: 5, budget: 5 });
  expect(outcome).toMatchObject({ engine: "equipoise", record: { case: "small step", gbps: null } });
  const { record } = outcome as { record: NonNullable<typeof outcome>["record"] & object };
  expect(record.gflops).toBeGreaterThan(0);
  expect(record.hostShare).toBeGreaterThan(0);
  expect(record.info).toMatchObject({ submitsPerStep: 1, madeWhileTimed: 0, minimumBytes: minimumBytes(benchCase) });
  expect(record.info?.peakBytes).toBeGreaterThanOrEqual(minimumBytes(benchCase) / 2);
});

test("the least memory of a step, counted by hand", () => {
  const benchCase = step("tiny", 2, { channels: [4], side: 4, hidden: 4, classes: 2 });
  const parameters = 9 * 4 + 4 + 4 + 16 * 4 + 4 + 4 * 4 + 4;
  const saved = 2 * 16 + 2 * (2 * 16 * 4) + 2 * 4 * 4 + 2 * 4 + 2 * 4;
  expect(minimumBytes(benchCase)).toBe(4 * (3 * parameters + saved + 2 * (2 * 16 * 4)));
});

test("the step of the list is the one to beat: 2.37 GFLOP", () => {
  expect((step("step", 32).flops as number) / 1e9).toBeCloseTo(2.37, 2);
});

test("an unknown kind of case is unsupported, and a process outlives a failing one", async () => {
  const spec = { name: "?", kind: "sorting", sizes: {}, inputs: {} };
  expect(await ours.process.request("prepare", { spec, inputs: {}, output: null }, 20)).toEqual({
    unsupported: "has no sorting",
  });
  const bad = { ...spec, kind: "gemm", inputs: { a: [2, 3], b: [4, 5] } };
  const files = exchange.inputs({ ...gemm("bad", 2, 5, 3), inputs: bad.inputs });
  await expect(ours.process.request("prepare", { spec: bad, inputs: files, output: null }, 20)).rejects.toThrow(
    /3 columns, b has 4 rows/,
  );
  expect(findEngine("equipoise")).toHaveProperty("launch");
  expect(ours.process.alive).toBe(true);
});
