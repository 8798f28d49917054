import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as kernels from "../../engine/generated/kernels.js";
import {
  add,
  conv2d,
  type Device,
  GpuError,
  type GpuErrorKind,
  listAdapters,
  openDevice,
  relu,
  Tape,
  TensorArena,
} from "../../engine/index.js";
import { packParams, specialise } from "../../engine/kernel.js";
import { listNodeAdapters, openNodeDevice } from "../../engine/node.js";
import { testDevice } from "../support/device.js";

/** The GpuError that `f` throws or rejects with. */
async function failure(f: () => unknown): Promise<GpuError> {
  try {
    await f();
  } catch (error) {
    expect(error).toBeInstanceOf(GpuError);
    return error as GpuError;
  }
  return expect.fail("nothing was thrown");
}

async function expectFailure(f: () => unknown, kind: GpuErrorKind, message: RegExp | string): Promise<void> {
  const error = await failure(f);
  expect(error.message).toMatch(message);
  expect(error.kind).toBe(kind);
}

/** A device of its own, for tests that break it. */
async function withOwnDevice(f: (device: Device) => Promise<void>): Promise<void> {
  const device = await openNodeDevice();
  try {
    await f(device);
  } finally {
    device.close();
  }
}

/** ReLU of zeros through any kernel with its bindings. */
function runAsRelu(device: Device, kernel: typeof kernels.reluForward): void {
  const [x, y] = [device.zeros([4], "x"), device.empty([4], "y")];
  device.run(kernel, { x, y }, { count: 1 }, [1, 1, 1]);
}

describe("adapters", () => {
  it("are chosen by a part of their name, in any case", async () => {
    const [first] = await listNodeAdapters();
    const name = first!.info.description || first!.info.device || first!.info.vendor;
    const device = await openNodeDevice({ adapter: name.slice(0, 8).toUpperCase() });
    expect(`${device.info.vendor} ${device.info.device} ${device.info.description}`).toContain(name.slice(0, 8));
    device.close();
  });

  it("that match no name are an error that lists what there is", async () => {
    const [first] = await listNodeAdapters();
    const error = await failure(() => openNodeDevice({ adapter: "no such GPU" }));
    expect(error.kind).toBe("no-adapter");
    expect(error.message).toContain('no WebGPU adapter matches "no such GPU"');
    expect(error.message).toContain(first!.info.device);
  });

  it("may be absent", async () => {
    await expectFailure(() => openDevice(undefined), "no-adapter", "has no WebGPU");
    const empty = { requestAdapter: async () => null } as unknown as GPU;
    expect(await listAdapters(empty)).toEqual([]);
    await expectFailure(() => openDevice(empty), "no-adapter", "equipoise doctor");
    await expectFailure(() => openDevice(empty, { adapter: "x" }), "no-adapter", "found: none");
  });

  it("give their own limits, and their subgroups unless told otherwise", async () => {
    const device = await testDevice();
    const [adapter] = await listNodeAdapters();
    expect(device.limits.maxStorageBufferBindingSize).toBe(adapter!.limits.maxStorageBufferBindingSize);
    expect(device.gpu.features.has("subgroups")).toBe(adapter!.features.has("subgroups"));
    expect((await testDevice({ subgroups: false })).gpu.features.has("subgroups")).toBe(false);
  });
});

describe("tensors", () => {
  it("come back as they were written, floats and integers, padded or not", async () => {
    const device = await testDevice();
    for (const shape of [[1], [5], [3, 1], [2, 3, 5], [2, 4]]) {
      const size = shape.reduce((a, b) => a * b, 1);
      const floats = device.fromValues(
        Array.from({ length: size }, (_, k) => k + 0.5),
        shape,
        "floats",
      );
      const integers = device.fromValues(
        Array.from({ length: size }, (_, k) => 4_000_000 + k),
        shape,
        "integers",
        "u32",
      );
      expect([...(await device.read(floats))]).toEqual(Array.from({ length: size }, (_, k) => k + 0.5));
      expect([...(await device.read(integers))]).toEqual(Array.from({ length: size }, (_, k) => 4_000_000 + k));
      device.clear(floats);
      expect((await device.read(floats)).every((v) => v === 0)).toBe(true);
      for (const tensor of [floats, integers]) device.release(tensor);
    }
  });

  it("written between commands are seen by the later ones only", async () => {
    const tape = new Tape(await testDevice(), false);
    const x = tape.tensor([2], "x");
    tape.device.write(x, [1, -1]);
    const before = relu(tape, x);
    tape.device.write(x, [2, 3]);
    const after = relu(tape, x);
    expect([...(await tape.device.read(before)), ...(await tape.device.read(after))]).toEqual([1, 0, 2, 3]);
    tape.dispose();
  });

  it("of another size than their values are refused", async () => {
    const device = await testDevice();
    await expectFailure(() => device.fromValues([1, 2], [3], "three"), "internal", "three: 2 values for shape [3]");
    const [a, b] = [device.empty([3], "a"), device.empty([9], "b")];
    await expectFailure(() => device.copy(a, b), "internal", "copy a -> b: sizes differ");
    expect(() => b.view([3, 3])).toThrow("b: cannot view [9] as [3,3]");
    expect(b.view([1, 9]).shape).toEqual([1, 9]);
    for (const tensor of [a, b]) device.release(tensor);
  });

  it("beyond the adapter's limit are refused with label, size and limit", async () => {
    const device = await testDevice();
    const limit = device.limits.maxStorageBufferBindingSize;
    const rows = limit / 4 / 16 + 1;
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    const error = await failure(() => device.empty([rows, 16], "huge activations"));
    expect(error.kind).toBe("limit");
    expect(error.message).toContain(`huge activations [${rows},16]: needs ${mib(rows * 64)}`);
    expect(error.message).toContain(`at most ${mib(limit)}`);
    expect(error.message).toContain("smaller batch");
    // One row less is not refused. Where that is much memory, the adapter may still not have it.
    if (limit > 2 ** 28) return;
    const largest = device.empty([rows - 1, 16], "largest");
    device.clear(largest);
    await device.sync();
    device.release(largest);
    device.pool.trim();
  });
});

describe("commands", () => {
  it("tell the windows of one buffer apart", async () => {
    const device = await testDevice();
    const arena = new TensorArena(
      device,
      [
        { name: "a", shape: [4] },
        { name: "b", shape: [4] },
      ],
      "arena",
    );
    const y = device.empty([4], "y");
    for (const [name, value] of [
      ["a", 1],
      ["b", 2],
    ] as const) {
      const x = arena.get(name);
      device.write(x, [value, value, value, value]);
      device.run(kernels.reluForward, { x, y }, { count: 1 }, [1, 1, 1]);
      expect([...(await device.read(y))]).toEqual([value, value, value, value]);
    }
    device.release(y);
    arena.release();
  });

  it("are submitted together, and before there are too many", async () => {
    const device = await testDevice({ maxPending: 10 });
    const tape = new Tape(device, false);
    let x = tape.tensor([4], "x");
    device.clear(x);
    await device.sync();
    const { submits, dispatches } = device.counters;
    for (let i = 0; i < 35; i++) x = add(tape, x, x);
    expect(device.counters.dispatches - dispatches).toBe(35);
    expect(device.counters.submits - submits).toBe(3);
    tape.dispose();
  });

  it.each([{}, { subgroups: false }])("of more workgroups than an axis holds are folded, %o", async (options) => {
    const device = await testDevice({ ...options, workFor: "cpu" });
    const tape = new Tape(device);
    // 8 threads x 4 pixels a workgroup: more than 65,535 of them.
    const shape = [1, 1500, 1500];
    const pixels = 1500 * 1500;
    const values = Float32Array.from({ length: pixels * 2 }, (_, k) => k % 65_537);
    const x = tape.watch(tape.tensor([...shape, 2], "x"));
    const swap = tape.tensor([1, 1, 2, 2], "swap");
    device.write(x, values);
    device.write(swap, [0, 1, 1, 0]);
    const y = conv2d(tape, x, swap, null);
    const isSwapped = (result: Float32Array) => result.every((value, k) => value === values[k ^ 1]);
    expect(isSwapped(await device.read(y)), "forward").toBe(true);
    tape.backward([y], [x]);
    expect(isSwapped(await device.read(tape.gradient(x))), "gradient of the input").toBe(true);

    const grey = tape.tensor([...shape, 1], "grey");
    const double = tape.tensor([1, 1, 1, 2], "double");
    device.write(grey, values.subarray(0, pixels));
    device.write(double, [1, 2]);
    const two = await device.read(conv2d(tape, grey, double, null));
    expect(two.every((value, k) => value === values[k >> 1]! * (1 + (k & 1)))).toBe(true);
    tape.dispose();
    device.pool.trim();
  });

  it("of a grid that no folding helps are refused", async () => {
    const device = await testDevice();
    const [x, y] = [device.zeros([4], "x"), device.empty([4], "y")];
    const run = (grid: [number, number, number]) => () => device.run(kernels.reluForward, { x, y }, { count: 1 }, grid);
    await expectFailure(run([70_000, 1, 1]), "limit", "relu_forward: grid 70000x1x1 is outside 1..65535");
    await expectFailure(run([1, 0, 1]), "limit", "relu_forward: grid 1x0x1");
    for (const tensor of [x, y]) device.release(tensor);
  });
});

describe("kernels", () => {
  it("take constants by value and params by name", async () => {
    const { code } = specialise(kernels.batchNormApply, { WG: 8, STEPS: 4, RELU: true });
    expect(code).toContain("const WG: u32 = 8u;");
    expect(code).toContain("const RELU: bool = true;");
    await expectFailure(() => specialise(kernels.reluForward, { SIZE: 1 }), "shader", 'no constant "SIZE"');
    await expectFailure(() => packParams(kernels.reluForward, {}), "shader", "params.count is undefined");
    await expectFailure(
      () => packParams(kernels.fill, { count: 1, value: Number.NaN }),
      "shader",
      "params.value is NaN",
    );
    expect([...new Float32Array(packParams(kernels.fill, { count: 1, value: 2.5 }))].slice(1, 2)).toEqual([2.5]);
  });
});

/** Line of a text in the file of the ReLU kernel, from 1. */
function lineOf(text: string): number {
  const source = readFileSync(new URL("../../shaders/relu_forward.wgsl", import.meta.url), "utf8");
  return source.slice(0, source.indexOf(text)).split("\n").length;
}

describe("errors of the GPU", () => {
  it("in WGSL name the file, the line and the compiler's reason", async () => {
    await withOwnDevice(async (device) => {
      const code = kernels.reluForward.code.replace("let v = x[i];", "let v = missing[i];");
      runAsRelu(device, { ...kernels.reluForward, code });
      const error = await failure(() => device.sync());
      expect(error.kind).toBe("shader");
      expect(error.message).toContain("unresolved value 'missing'");
      expect(error.message).toContain("let v = missing[i];");
      expect(error.message).toContain("shaders/relu_forward.wgsl");
      expect(error.message).toContain(`:${lineOf("let v = x[i];")}:`);
      // It stays: a device that has failed does nothing more.
      await expectFailure(() => device.flush(), "shader", "missing");
    });
  });

  it("of validation surface at the next sync", async () => {
    await withOwnDevice(async (device) => {
      const tensor = device.zeros([4], "four floats");
      device.gpu.queue.writeBuffer(tensor.buffer.gpu, tensor.buffer.bytes, new Uint8Array(16));
      await expectFailure(() => device.sync(), "validation", /four floats/);
    });
  });

  it("when the device is lost surface in every later command", async () => {
    await withOwnDevice(async (device) => {
      const tensor = device.zeros([4], "x");
      await device.sync();
      device.gpu.destroy();
      await device.gpu.lost;
      await expectFailure(() => device.flush(), "device-lost", "the GPU device was lost (destroyed)");
      await expectFailure(() => device.read(tensor), "device-lost", "lost");
      await expectFailure(() => runAsRelu(device, kernels.reluForward), "device-lost", "lost");
      await expectFailure(() => device.sync(), "device-lost", "lost");
    });
  });

  it("in the middle of a read are not lost either", async () => {
    await withOwnDevice(async (device) => {
      const tensor = device.zeros([4], "x");
      await device.sync();
      const reading = device.read(tensor);
      device.gpu.destroy();
      await expectFailure(() => reading, "device-lost", "lost");
    });
  });

  it("after close() say so", async () => {
    const device = await openNodeDevice();
    const tensor = device.zeros([4], "x");
    device.close();
    device.close();
    await expectFailure(() => device.flush(), "device-lost", "the device has been closed");
    await expectFailure(() => device.read(tensor), "device-lost", "closed");
  });
});
