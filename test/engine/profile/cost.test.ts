import { expect, test } from "vitest";
import type { Dispatch } from "../../../engine/device.js";
import * as kernels from "../../../engine/generated/kernels.js";
import { conv2d, type Device, flatten, relu, softmaxCrossEntropy, Tape } from "../../../engine/index.js";
import type { Kernel } from "../../../engine/kernel.js";
import { costOf, evaluate, sourceHints } from "../../../engine/profile/index.js";
import { createNetwork, type NetworkInputs, summarizeModel } from "../../../models/index.js";
import { testDevice } from "../../support/device.js";
import { readFixture } from "../../support/oracle.js";

/** The dispatches that `f` asks for. */
function observed(device: Device, f: () => void): Dispatch[] {
  const seen: Dispatch[] = [];
  device.observer = {
    dispatch: (dispatch) => {
      seen.push(dispatch);
      return undefined;
    },
  };
  try {
    f();
  } finally {
    device.observer = null;
  }
  return seen;
}

function matrixFlops(dispatches: readonly Dispatch[]): number {
  return dispatches
    .map((dispatch) => costOf(dispatch))
    .reduce((sum, { kind, flops }) => sum + (kind === "matrix" ? (flops ?? 0) : 0), 0);
}

interface Case {
  model: string;
  input: number;
  /** Key in the table of multiply-adds that PyTorch's own count gave. */
  table: string;
}

test.each<Case>([
  { model: "vgg19", input: 128, table: "vgg19_ss @128" },
  { model: "ms-vgg19", input: 224, table: "vgg19_ms @224/112" },
  { model: "ms-hrnet-small-v1", input: 64, table: "hrnet_ms small_v1 out128 @64/32" },
])("a forward pass of $model counts twice PyTorch's multiply-adds", async ({ model, input, table }) => {
  const device = await testDevice();
  const network = createNetwork(device, { model, width: 1, input, classes: 4, seed: 1, label: "cost" });
  const tape = Tape.inference(device);
  const image = (side: number) => device.zeros([1, side, side, 1], "image");
  const inputs: NetworkInputs = { x: image(input), x2: model.startsWith("ms-") ? image(input / 2) : null };
  const dispatches = observed(device, () => network.forward(tape, inputs, { training: false }));
  const macs = JSON.parse(readFixture("oracle/macs.json").toString())[table].total_macs;
  expect(matrixFlops(dispatches)).toBe(2 * macs);
  const summary = summarizeModel({ model: model as never, width: 1, input, classes: 4 });
  expect(matrixFlops(dispatches)).toBe(2 * summary.macs);
  await device.sync();
  tape.dispose();
  device.release(inputs.x);
  if (inputs.x2) device.release(inputs.x2);
  network.release();
});

test("a step counts each convolution three times, but the first one's input gradient, with logical channels", async () => {
  const device = await testDevice();
  const x = device.zeros([2, 8, 8, 1], "x");
  const [first, second] = [device.zeros([3, 3, 1, 6], "first"), device.zeros([3, 3, 6, 5], "second")];
  const labels = device.zeros([2], "labels", "u32");
  const dispatches = observed(device, () => {
    const tape = new Tape(device);
    const hidden = conv2d(tape, x, tape.watch(first), null, { padding: 1 });
    const y = conv2d(tape, relu(tape, hidden), tape.watch(second), null, { stride: 8 });
    tape.backward([softmaxCrossEntropy(tape, flatten(tape, y), { labels })]);
    tape.dispose();
  }).map((dispatch) => ({ ...costOf(dispatch), name: dispatch.kernel.name }));
  const total = (prefix: string) =>
    dispatches
      .filter(({ name, kind }) => name.startsWith(prefix) && kind === "matrix")
      .reduce((sum, { flops }) => sum + (flops ?? 0), 0);
  const [small, large] = [2 * 2 * 8 * 8 * 9 * 6, 2 * 2 * 9 * 6 * 5];
  expect(total("conv2d_first_forward")).toBe(small);
  expect(total("conv2d_first_backward_weight")).toBe(small);
  expect(total("conv2d_first_backward_input")).toBe(0);
  expect(total("conv2d_")).toBe(2 * small + 3 * large);
  const padded = dispatches.find(({ name }) => name.startsWith("conv2d_forward"));
  expect(padded?.paddedFlops).toBe(2 * 2 * 9 * 8 * 8);
  await device.sync();
  for (const tensor of [x, first, second, labels]) device.release(tensor);
});

test("bytes: what is read, and written; a tensor bound twice moves once; what is changed in place moves twice", async () => {
  const device = await testDevice();
  const [a, b, c] = ["a", "b", "c"].map((name) => device.zeros([16, 8], name)) as [never, never, never];
  const make = (kernel: unknown, bindings: object, params: object) =>
    costOf({ kernel: kernel as Kernel, bindings, params, grid: [1, 1, 1], constants: {} } as Dispatch);
  const bytes = 16 * 8 * 4;
  expect(make(kernels.reluForward, { x: a, y: b }, { count: 32 })).toMatchObject({ bytes: 2 * bytes, flops: 128 });
  expect(make(kernels.addInPlace, { target_: a, source: b }, { count: 32 }).bytes).toBe(3 * bytes);
  expect(make(kernels.copy, { source: c, target_: c }, { count: 32 }).bytes).toBe(2 * bytes);
  expect(make(kernels.fill, { out: a }, { count: 32, value: 1 })).toMatchObject({ bytes, flops: null });
  for (const tensor of [a, b, c]) device.release(tensor);
});

test("expressions: whole and real division, functions, and null for what has no value", () => {
  const values = new Map([
    ["n", 10],
    ["WG", 4],
  ]);
  expect(evaluate("ceil(n / WG) * 2", values)).toBe(6);
  expect(evaluate("n / WG + 1u", values, "whole")).toBe(3);
  expect(evaluate("-(n - 3) % 4", values)).toBe(-3);
  expect(evaluate("max(n, 2 * WG, 3)", values)).toBe(10);
  for (const text of ["", "n +", "m", "(n", "n n", "n / 0", "sin(n)"]) expect(evaluate(text, values)).toBeNull();
});

test("hints read workgroup memory and accumulators from the specialised code", () => {
  const code = `const TILE: u32 = 8u;
const WORDS = TILE * TILE;
var<workgroup> a: array<vec4f, WORDS>;
var<workgroup> b: array<f32, 10>;
fn f() -> f32 { var s = 0.0; return s; }
fn main() { var s0 = vec4f(); var s1: vec4f; var t = array<vec2f, TILE>(); let x = vec4f(); var i = 0u; }`;
  const constants = { TILE: { type: "u32", value: 8, kind: "const" } };
  const kernel = { file: "hints.wgsl", code, constants } as unknown as Kernel;
  expect(sourceHints(kernel, {})).toEqual({ workgroupBytes: 64 * 16 + 40, registers: 8 + 16 + 1 });
  expect(sourceHints(kernel, { TILE: 4 })).toEqual({ workgroupBytes: 16 * 16 + 40, registers: 8 + 8 + 1 });
});
