import { afterEach, describe, expect, it } from "vitest";
import {
  add,
  batchNorm,
  conv2d,
  createOptimizer,
  type Device,
  GpuError,
  globalAveragePool,
  linear,
  maxPool,
  ParameterArena,
  relu,
  softmaxCrossEntropy,
  sum,
  Tape,
  type Tensor,
  TensorArena,
} from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import { deviceVariants, testDevice } from "../support/device.js";

const batch = 6;
const side = 8;
const shapes = { c1: [3, 3, 1, 6], g: [6], b: [6], c2: [3, 3, 6, 10], fc: [1, 1, 10, 3], fb: [3] };

/** conv, batch norm, pool, conv, ReLU, linear on the mean pixel, cross-entropy, Adam: its host values change each step. */
function trainable(device: Device) {
  const specs = Object.entries(shapes).map(([name, shape], p) => ({
    name,
    shape,
    layout: "same" as const,
    init: () => Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(p + 1.7 * i) / 3),
  }));
  const arena = new ParameterArena(device, specs, "net");
  const statistics = new TensorArena(
    device,
    ["mean", "var"].map((name) => ({ name, shape: [6] })),
    "statistics",
  );
  const optimizer = createOptimizer(arena, { name: "adam" }, () => ({ rateFactor: 1, weightDecay: 0.01 }));
  const x = device.zeros([batch, side, side, 1], "images");
  const labels = device.zeros([batch], "labels", "u32");
  const loss = device.zeros([1], "loss of the step");
  const work = () => {
    const tape = new Tape(device);
    const use = (name: keyof typeof shapes) => tape.use(arena.get(name));
    const state = { runningMean: statistics.get("mean"), runningVar: statistics.get("var") };
    let y = conv2d(tape, x, use("c1"), null, { padding: 1 });
    y = maxPool(tape, batchNorm(tape, y, use("g"), use("b"), state, { training: true, relu: true }));
    y = relu(tape, conv2d(tape, y, use("c2"), null, { stride: 4, padding: 1 }));
    const value = softmaxCrossEntropy(tape, linear(tape, globalAveragePool(tape, y), use("fc"), use("fb")), { labels });
    tape.backward([value]);
    optimizer.apply();
    device.copy(value, loss);
    tape.dispose();
  };
  /** What the host knows of step `i`. */
  const write = (i: number) => {
    device.write(
      x,
      Array.from({ length: batch * side * side }, (_, k) => Math.cos(k * 0.37 + i)),
    );
    device.write(
      labels,
      Array.from({ length: batch }, (_, k) => (k + i) % 3),
    );
    optimizer.setRate(0.01 / (1 + i));
  };
  const outcome = async () => {
    const tensors = [arena.values, arena.grads, statistics.all, loss, ...optimizer.state];
    return Promise.all(tensors.map((tensor) => device.read(tensor)));
  };
  const release = () => {
    for (const tensor of [x, labels, loss]) device.release(tensor);
    for (const part of [arena, statistics, optimizer]) part.release();
  };
  return { work, write, outcome, release, optimizer };
}

/** The calls of each method of a device and its queue from now on. */
function countCalls(device: Device): { calls: Record<string, number>; stop: () => void } {
  const calls: Record<string, number> = {};
  const undo: (() => void)[] = [];
  const watch = (target: object, names: readonly string[]) => {
    for (const name of names) {
      const original = (target as Record<string, (...args: unknown[]) => unknown>)[name] as (
        ...a: unknown[]
      ) => unknown;
      const counted = (...args: unknown[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return original.apply(target, args);
      };
      Object.defineProperty(target, name, { value: counted, configurable: true });
      undo.push(() => Reflect.deleteProperty(target, name));
    }
  };
  watch(device.gpu, [
    "createBuffer",
    "createTexture",
    "createBindGroup",
    "createBindGroupLayout",
    "createPipelineLayout",
    "createComputePipeline",
    "createComputePipelineAsync",
    "createShaderModule",
    "createQuerySet",
    "createCommandEncoder",
  ]);
  watch(device.gpu.queue, ["submit", "writeBuffer", "onSubmittedWorkDone"]);
  return { calls, stop: () => undo.forEach((f) => void f()) };
}

let own: Device | null = null;
afterEach(() => {
  own?.close();
  own = null;
});

describe("a captured step", () => {
  it.each(deviceVariants)("trains bitwise as the eager one, %s", async (_, options) => {
    const steps = 6;
    const device = await testDevice(options);
    const eager = trainable(device);
    for (let i = 0; i < steps; i++) {
      eager.write(i);
      eager.work();
    }
    const expected = await eager.outcome();
    eager.release();

    const net = trainable(device);
    net.write(0);
    const captured = device.capture(net.work);
    for (let i = 1; i < steps; i++) {
      net.write(i);
      captured.replay();
    }
    expect(await net.outcome()).toEqual(expected);
    expect(net.optimizer.steps).toBe(steps);
    expect(captured.replays).toBe(steps - 1);
    expect(expected[0]!.every(Number.isFinite)).toBe(true);
    captured.release();
    net.release();
  });

  it("creates, compiles and reads nothing, and takes few writes and submissions", async () => {
    // A device of its own: its methods are wrapped.
    own = await openNodeDevice();
    const net = trainable(own);
    net.write(0);
    const captured = own.capture(net.work);
    expect(captured.dispatches).toBeGreaterThan(15);
    await own.sync();
    const { created } = own.memory;
    const rows: Record<string, number>[] = [];
    for (let i = 1; i <= 5; i++) {
      const { calls, stop } = countCalls(own);
      net.write(i);
      captured.replay();
      stop();
      rows.push(calls);
    }
    // Images, labels and rate: one write with one submission, on an encoder.
    for (const calls of rows) expect(calls).toEqual({ createCommandEncoder: 1, writeBuffer: 1, submit: 1 });
    expect(own.memory.created).toBe(created);
    await own.sync();
  });

  it("counts what it makes when it is eager: the counters of this test do count", async () => {
    own = await openNodeDevice();
    const net = trainable(own);
    const { calls, stop } = countCalls(own);
    net.write(0);
    net.work();
    stop();
    for (const name of ["createBuffer", "createBindGroup", "createComputePipeline", "createShaderModule"])
      expect(calls[name], name).toBeGreaterThan(3);
    await own.sync();
  });

  it("keeps its intermediates to itself, and gives them back", async () => {
    const device = await testDevice();
    const x = device.fromValues([1, 2, 3, 4], [4], "x");
    const out = device.zeros([4], "out");
    const before = { ...device.memory };
    const twice = (tape: Tape, v: Tensor) => add(tape, v, v);
    const captured = device.capture(() => {
      const tape = Tape.inference(device);
      device.copy(twice(tape, twice(tape, twice(tape, x))), out);
      tape.dispose();
    });
    expect(device.memory.captured - before.captured).toBe(captured.bytes);
    expect(captured.bytes).toBe(3 * 256);
    expect(device.memory.live - before.live).toBe(captured.bytes);
    // Whoever allocates now, of whatever size, meets none of its buffers.
    const bystanders = Array.from({ length: 12 }, (_, i) => device.fromValues(Array(4).fill(i), [4], `bystander ${i}`));
    for (const value of [10, 20]) {
      device.write(x, Array(4).fill(value));
      captured.replay();
      expect([...(await device.read(out))]).toEqual(Array(4).fill(8 * value));
    }
    for (const [i, tensor] of bystanders.entries()) expect([...(await device.read(tensor))]).toEqual(Array(4).fill(i));
    for (const tensor of bystanders) device.release(tensor);
    captured.release();
    captured.release();
    expect(device.memory.captured).toBe(before.captured);
    expect(device.memory.live).toBe(before.live);
    expect(() => captured.replay()).toThrow("replayed after its release");
    for (const tensor of [x, out]) device.release(tensor);
  });

  it("takes a free buffer of up to twice the size, the smallest, before a new one", async () => {
    const device = await testDevice();
    const before = { ...device.memory };
    const wanted = (bytes: number) => device.empty([bytes / 4], "tensor");
    const captured = device.capture(() => {
      const free = [1024, 1536, 4096].map(wanted);
      for (const tensor of free) device.release(tensor);
      const taken = [1280, 768, 1792].map(wanted);
      expect(taken.map((tensor) => tensor.buffer.bytes)).toEqual([1536, 1024, 1792]);
      for (const tensor of taken) device.release(tensor);
    });
    expect(captured.bytes).toBe(1024 + 1536 + 4096 + 1792);
    captured.release();
    expect(device.memory.live).toBe(before.live);
    const outside = [1280, 4096].map(wanted);
    expect(outside.map((tensor) => tensor.buffer.bytes)).toEqual([1280, 4096]);
    for (const tensor of outside) device.release(tensor);
    expect(device.memory.live).toBe(before.live);
  });

  it("may hand out a tensor that lives on: its buffer returns to the pool when both are done", async () => {
    const device = await testDevice();
    const before = device.memory.live;
    let kept: Tensor | null = null;
    const captured = device.capture(() => {
      kept = device.zeros([4], "kept");
    });
    expect(device.memory.live - before).toBe(256);
    captured.release();
    expect(device.memory.live - before).toBe(256);
    device.release(kept as unknown as Tensor);
    expect(device.memory.live).toBe(before);
  });

  it("refuses host values, reads and further captures inside, by name, and leaves the device usable", async () => {
    const device = await testDevice();
    const x = device.fromValues([1, 2], [2], "rate of learning");
    const before = device.memory.live;
    const attempts: [() => void, string][] = [
      [() => device.write(x, [1, 2]), "rate of learning: write inside a captured step"],
      [() => device.writeBytes(x, new Uint8Array(4)), "rate of learning: write inside a captured step"],
      [() => void device.read(x), "rate of learning: read inside a captured step"],
      [() => void device.fromValues([1], [1], "seed of dropout"), "seed of dropout: write inside a captured step"],
      [() => void device.capture(() => {}), "captures do not nest"],
    ];
    for (const [attempt, message] of attempts) {
      const capture = () => device.capture(attempt);
      expect(capture).toThrow(GpuError);
      expect(capture).toThrow(message);
    }
    expect(device.memory.captured).toBe(0);
    // The tensor whose write was refused stays its maker's.
    expect(device.memory.live - before).toBe(2 * 256);
    expect([...(await device.read(x))]).toEqual([1, 2]);
    device.release(x);
  });

  it("shows its dispatches to an observer, as eager work does", async () => {
    const device = await testDevice();
    const net = trainable(device);
    const seen: string[] = [];
    const observer = { dispatch: ({ kernel }: { kernel: { name: string } }) => void seen.push(kernel.name) };
    net.write(0);
    device.observer = observer;
    const captured = device.capture(net.work);
    const eager = seen.splice(0);
    net.write(1);
    captured.replay();
    device.observer = null;
    expect(seen).toEqual(eager);
    expect(seen).toHaveLength(captured.dispatches);
    net.write(2);
    captured.replay();
    expect(seen).toEqual(eager);
    captured.release();
    net.release();
  });

  it("is submitted in pieces where a submission has a bound", async () => {
    const x = (device: Device) => device.fromValues([1], [1], "x");
    const chain = (device: Device, one: Tensor) => () => {
      const tape = Tape.inference(device);
      let y = one;
      for (let i = 0; i < 25; i++) y = add(tape, y, one);
      tape.dispose();
    };
    for (const [options, submits] of [
      [{ maxPending: 10 }, 3],
      [{}, 1],
      [{ workFor: "gpu" }, 1],
    ] as const) {
      const device = await testDevice(options);
      const captured = device.capture(chain(device, x(device)));
      device.flush();
      const before = device.counters.submits;
      captured.replay();
      expect(device.counters.submits - before, JSON.stringify(options)).toBe(submits);
      captured.release();
    }
  });

  it("on a GPU is cut by the time that it takes", async () => {
    const device = await testDevice({ workFor: "gpu" });
    const x = device.zeros([1 << 20, 4], "16 MiB");
    const captured = device.capture(() => {
      const tape = Tape.inference(device);
      for (let i = 0; i < 100; i++) tape.discard(add(tape, x, x));
      tape.dispose();
    });
    await device.sync();
    const submits: number[] = [];
    const begin = performance.now();
    for (let i = 0; i < 4; i++) {
      const before = device.counters.submits;
      captured.replay();
      submits.push(device.counters.submits - before);
      await device.sync();
    }
    const stepMs = (performance.now() - begin) / 4;
    // Two pieces of at most 64 commands until it has been timed, then pieces of 50 ms and of 16 commands or more.
    expect(submits.slice(0, 2)).toEqual([2, 2]);
    const pieces = Math.min(100 / 16, stepMs / 50);
    expect(submits[3]).toBeGreaterThanOrEqual(Math.floor(pieces / 3));
    expect(submits[3]).toBeLessThanOrEqual(Math.ceil(pieces * 3) + 1);
    captured.release();
    device.release(x);
    device.pool.trim();
  });

  it("reports the host's time", async () => {
    const device = await testDevice();
    const net = trainable(device);
    net.write(0);
    const captured = device.capture(net.work);
    const before = device.hostTime;
    const begin = performance.now();
    captured.replay();
    const wall = performance.now() - begin;
    const { encode, submit } = device.hostTime;
    const told = encode - before.encode + submit - before.submit;
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThanOrEqual(wall);
    expect(captured.hostMs).toBeCloseTo(told, 6);
    captured.release();
    net.release();
  });
});

describe("small writes", () => {
  it("keep their place between commands without a submission of their own", async () => {
    const device = await testDevice();
    const tape = Tape.inference(device);
    const x = tape.tensor([4], "x");
    device.flush();
    const { submits } = device.counters;
    const results = [1, 2, 3].map((value) => {
      device.write(x, Array(4).fill(value));
      return relu(tape, x);
    });
    expect(device.counters.submits).toBe(submits);
    for (const [i, result] of results.entries()) expect([...(await device.read(result))]).toEqual(Array(4).fill(i + 1));
    tape.dispose();
  });

  it("mix with large ones, and may be more than one submission holds", async () => {
    const device = await testDevice();
    const tape = Tape.inference(device);
    const x = tape.tensor([5000], "20 kB");
    const small = tape.tensor([4000], "16 kB");
    const results: Tensor[] = [];
    for (let i = 0; i < 6; i++) {
      device.write(x, new Float32Array(5000).fill(i));
      device.write(small, new Float32Array(4000).fill(10 + i));
      results.push(sum(tape, relu(tape, x)), sum(tape, relu(tape, small)));
    }
    for (const [k, result] of results.entries()) {
      const i = Math.floor(k / 2);
      expect((await device.read(result))[0]).toBe(k % 2 === 0 ? 5000 * i : 4000 * (10 + i));
    }
    tape.dispose();
  });

  it("to a tensor that is then destroyed do no harm", async () => {
    own = await openNodeDevice();
    const x = own.fromValues([1, 2, 3], [3], "x");
    own.release(x);
    own.pool.trim();
    await own.sync();
  });
});

describe("precompile", () => {
  it("compiles all that a step needs, without allocating, and tells how far it is", async () => {
    own = await openNodeDevice();
    const net = trainable(own);
    net.write(0);
    await own.sync();
    const { live } = own.memory;
    const { dispatches } = own.counters;
    const told: string[] = [];
    const { calls, stop } = countCalls(own);
    await own.precompile(net.work, (done, total) => told.push(`${done}/${total}`));
    stop();
    const { pipelines } = own.counters;
    expect(own.memory.live).toBe(live);
    // An adapter on the CPU runs one workgroup of each kernel, since it makes machine code no sooner.
    expect(own.counters.dispatches - dispatches).toBe(own.info.isCpu ? pipelines : 0);
    expect(pipelines).toBeGreaterThan(10);
    expect(told).toEqual(Array.from({ length: pipelines }, (_, i) => `${i + 1}/${pipelines}`));
    expect(calls.createComputePipelineAsync).toBe(pipelines);
    expect(calls.createComputePipeline).toBeUndefined();
    if (!own.info.isCpu)
      for (const name of ["createBuffer", "createBindGroup", "submit", "writeBuffer"])
        expect(calls[name], name).toBeUndefined();
    net.work();
    expect(own.counters.pipelines).toBe(pipelines);
    const again: number[] = [];
    await own.precompile(net.work, (done) => again.push(done));
    expect(again).toEqual([]);
    await own.sync();
  });

  it("does not change a step's outcome", async () => {
    const outcomes = [];
    for (const first of [true, false]) {
      const device = await openNodeDevice();
      const net = trainable(device);
      if (first) await device.precompile(net.work);
      for (let i = 0; i < 3; i++) {
        net.write(i);
        net.work();
      }
      outcomes.push(await net.outcome());
      device.close();
    }
    expect(outcomes[0]).toEqual(outcomes[1]);
  });

  it("names the kernel that does not compile", async () => {
    own = await openNodeDevice();
    const kernels = await import("../../engine/generated/kernels.js");
    const code = kernels.reluForward.code.replace("let v = x[i];", "let v = missing[i];");
    const broken = { ...kernels.reluForward, code };
    const device = own;
    const work = () => {
      const [x, y] = [device.empty([4], "x"), device.empty([4], "y")];
      device.run(broken, { x, y }, { count: 1 }, [1, 1, 1]);
    };
    await expect(device.precompile(work)).rejects.toMatchObject({ kind: "shader" });
    await expect(device.precompile(work)).rejects.toThrow("relu_forward.wgsl");
  });

  it("refuses a read of what was never computed", async () => {
    const device = await testDevice();
    const x = device.zeros([1], "x");
    await expect(device.precompile(() => void device.read(x))).rejects.toThrow("x: nothing can be read in a rehearsal");
    expect((await device.read(x))[0]).toBe(0);
    device.release(x);
  });
});
