import { afterEach, describe, expect, it } from "vitest";
import { add, type Device, GpuError, Tape, type Tensor } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import { deviceVariants, testDevice } from "../support/device.js";
import { countCalls, trainable } from "../support/trainable.js";

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
