import { expect, test } from "vitest";
import { batchNorm, conv2d, type Device, maxPool, Tape, type Tensor } from "../../../engine/index.js";
import {
  type ProfiledStep,
  Profiler,
  type Roofline,
  summarise,
  type Timing,
  trace,
} from "../../../engine/profile/index.js";
import { testDevice } from "../../support/device.js";

const roof: Roofline = { flops: 100e9, bytes: 10e9, flopsBy: "", bytesBy: "" };

/** A small forward pass of kernels that take a while: two alike convolutions, a norm and a pool. */
function work(device: Device, x: Tensor, weight: Tensor, scale: Tensor): void {
  const tape = Tape.inference(device);
  const state = { runningMean: scale, runningVar: scale };
  const a = conv2d(tape, conv2d(tape, x, weight, null, { padding: 1 }), weight, null, { padding: 1 });
  maxPool(tape, batchNorm(tape, a, scale, scale, state, { training: false, relu: true }));
  tape.dispose();
}

async function profiled(timing?: Timing, runs = 1): Promise<{ device: Device; steps: ProfiledStep[] }> {
  const device = await testDevice();
  const x = device.fromValues(
    Float32Array.from({ length: 8 * 32 * 32 * 32 }, (_, i) => (i % 7) / 7),
    [8, 32, 32, 32],
    "x",
  );
  const weight = device.zeros([3, 3, 32, 32], "weight");
  const scale = device.zeros([32], "scale");
  work(device, x, weight, scale);
  await device.sync();
  const profiler = new Profiler(device, timing);
  const steps: ProfiledStep[] = [];
  for (let i = 0; i < runs; i++) {
    profiler.begin();
    work(device, x, weight, scale);
    steps.push(await profiler.end());
  }
  profiler.destroy();
  for (const tensor of [x, weight, scale]) device.release(tensor);
  return { device, steps };
}

test("timestamps: dispatches follow each other, and their sum is the step's GPU time within 10 %", async () => {
  const { device, steps } = await profiled(undefined, 5);
  expect(device.gpu.features.has("timestamp-query")).toBe(true);
  for (const step of steps) {
    expect(step.timing).toBe("timestamps");
    expect(step.invalid).toBe(0);
    expect(step.records.map(({ dispatch }) => dispatch.kernel.name.split("_")[0])).toEqual(
      expect.arrayContaining(["conv2d", "batch", "max"]),
    );
    let end = 0;
    for (const { beginNs, ns } of step.records) {
      expect(beginNs).toBeGreaterThanOrEqual(end - step.quantumNs);
      end = beginNs + ns;
    }
    expect(step.sumNs).toBeLessThanOrEqual(step.spanNs + step.quantumNs);
    expect(step.spanNs / 1e6).toBeLessThanOrEqual(step.wallMs + step.quantumNs / 1e6);
  }
  // Other programs can push themselves between two dispatches, so the best of five is asked.
  expect(Math.max(...steps.map(({ sumNs, spanNs }) => sumNs / spanNs))).toBeGreaterThan(0.9);
});

test("host timing: every dispatch is timed and marked so, without timestamps", async () => {
  const { steps } = await profiled("host");
  const [step] = steps as [ProfiledStep];
  expect(step).toMatchObject({ timing: "host", quantumNs: 0, invalid: 0 });
  const convolutions = step.records.filter(({ dispatch }) => dispatch.kernel.name.startsWith("conv2d"));
  expect(convolutions.length).toBeGreaterThanOrEqual(2);
  for (const { ns } of convolutions) expect(ns).toBeGreaterThan(0);
  expect(step.sumNs).toBe(step.records.reduce((sum, { ns }) => sum + ns, 0));
});

test("rows: alike calls are one row with the choice behind it; shares add up to one", async () => {
  const { device, steps } = await profiled(undefined, 3);
  const rows = summarise(device, steps, roof);
  const calls = rows.reduce((sum, row) => sum + row.calls, 0);
  expect(calls).toBe(steps[0]?.records.length);
  expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
  expect(rows.map(({ totalMs }) => totalMs)).toEqual(rows.map(({ totalMs }) => totalMs).sort((a, b) => b - a));
  const row = rows.find(({ kernel, flopsKind }) => kernel.startsWith("conv2d_forward") && flopsKind === "matrix");
  const flops = 2 * 8 * 32 * 32 * 9 * 32 * 32;
  expect(row).toMatchObject({ calls: 2, shape: "8x32x32x32 -> 32, 3x3", operation: "conv2d-forward", flops });
  const choices = Object.values(device.choices.record());
  expect(choices).toContain(row?.variant);
  if (!row) return;
  expect(row.tile).toMatch(/^\d+x\d+$/);
  expect(row.gflops).toBeCloseTo(flops / row.medianMs / 1e6, 6);
  const atRoof = Math.max(flops / roof.flops, row.bytes / roof.bytes) * 1000;
  expect(row.roofShare).toBeCloseTo(atRoof / row.medianMs, 9);
  expect(row.recoverableMs).toBeCloseTo(Math.max(0, row.totalMs - 2 * atRoof), 9);
});

test("a captured step is seen dispatch by dispatch, like an eager one", async () => {
  const device = await testDevice();
  const x = device.zeros([2, 16, 16, 8], "x");
  const weight = device.zeros([3, 3, 8, 8], "weight");
  const scale = device.zeros([8], "scale");
  const names = (step: ProfiledStep) => step.records.map(({ dispatch }) => dispatch.kernel.name);
  const profiler = new Profiler(device);
  profiler.begin();
  work(device, x, weight, scale);
  const eager = await profiler.end();
  const captured = device.capture(() => work(device, x, weight, scale));
  await device.sync();
  profiler.begin();
  captured.replay();
  const replayed = await profiler.end();
  expect(names(replayed)).toEqual(names(eager));
  expect(replayed.sumNs).toBeGreaterThan(0);
  captured.release();
  profiler.destroy();
  for (const tensor of [x, weight, scale]) device.release(tensor);
});

test("profiling many steps takes no more memory than one, and leaves no observer behind", async () => {
  const { device, steps } = await profiled(undefined, 2);
  const before = { ...device.memory };
  const many = await profiled(undefined, 20);
  expect(many.steps).toHaveLength(20);
  expect(device.memory.live).toBe(before.live);
  expect(device.memory.created).toBe(before.created);
  expect(device.observer).toBeNull();
  expect(steps).toHaveLength(2);
});

test("more dispatches than one query set holds are all timed", async () => {
  const device = await testDevice();
  const x = device.zeros([4, 4], "x");
  const profiler = new Profiler(device);
  profiler.begin();
  for (let i = 0; i < 2100; i++) {
    const tape = Tape.inference(device);
    maxPool(tape, x.view([1, 2, 2, 4]));
    tape.dispose();
  }
  const step = await profiler.end();
  expect(step.records).toHaveLength(2100);
  expect(step.invalid).toBe(0);
  profiler.destroy();
  device.release(x);
});

test("the trace is Trace Event JSON with both tracks inside the step, and the memory", async () => {
  const { steps } = await profiled();
  const [step] = steps as [ProfiledStep];
  const { traceEvents, otherData } = JSON.parse(JSON.stringify(trace(step, { adapter: "a" }))) as ReturnType<
    typeof trace
  >;
  expect(otherData).toEqual({ adapter: "a" });
  const gpu = traceEvents.filter(({ cat }) => cat === "gpu");
  expect(gpu.map(({ name }) => name)).toEqual(step.records.map(({ dispatch }) => dispatch.kernel.name));
  for (const { ph, ts = -1, dur = -1, tid } of traceEvents.filter(({ cat }) => cat)) {
    expect(ph).toBe("X");
    expect(tid).toBeGreaterThan(0);
    expect(ts).toBeGreaterThanOrEqual(0);
    expect(dur).toBeGreaterThanOrEqual(0);
    expect(ts + dur).toBeLessThanOrEqual(step.wallMs * 1000 + 1);
  }
  const memory = traceEvents.filter(({ ph }) => ph === "C");
  expect(memory).toHaveLength(step.records.length);
  for (const { args } of memory) expect(args?.live).toBeGreaterThan(0);
  expect(traceEvents.filter(({ ph, name }) => ph === "M" && name === "thread_name")).toHaveLength(2);
});
