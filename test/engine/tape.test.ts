import { afterEach, describe, expect, it } from "vitest";
import {
  add,
  batchNorm,
  concatBatch,
  conv2d,
  type Device,
  flatten,
  GpuError,
  globalAveragePool,
  linear,
  maxPool,
  mean,
  ParameterArena,
  relu,
  softmaxCrossEntropy,
  sum,
  Tape,
  type Tensor,
} from "../../engine/index.js";
import * as twins from "../reference/index.js";
import { ndTensor, normals, randomNd } from "../support/checkOp.js";
import { testDevice } from "../support/device.js";
import { expectClose } from "../support/numeric.js";

const random = normals(17);

/** One parameter of a shape in an arena of its own. */
function parameter(device: Device, shape: number[], name = "w") {
  const values = randomNd(shape, random);
  const init = () => Float32Array.from(values.data);
  const arena = new ParameterArena(device, [{ name, shape, layout: "same", init }], "test");
  return { arena, parameter: arena.get(name), values };
}

let tapes: Tape[] = [];
async function newTape(recording = true): Promise<Tape> {
  const tape = new Tape(await testDevice(), recording);
  tapes.push(tape);
  return tape;
}
afterEach(() => {
  for (const tape of tapes) tape.dispose();
  tapes = [];
});

describe("gradients", () => {
  it("add up where a tensor feeds several ops, or one op twice", async () => {
    const tape = await newTape();
    const values = randomNd([3, 5], random);
    const x = tape.watch(ndTensor(tape, values, "x"));
    const y = relu(tape, x);
    // z = 2 relu(x) + relu(x) + x: dz/dx = 3 * (x > 0) + 1.
    const z = add(tape, add(tape, add(tape, y, y), y), x);
    tape.backward([sum(tape, z)]);
    const expected = values.data.map((v) => (v > 0 ? 4 : 1));
    expect([...(await tape.device.read(tape.gradient(x)))]).toEqual([...expected]);
  });

  it("add up where a parameter is used twice, and overwrite what a step before left", async () => {
    const device = await testDevice();
    const { arena, parameter: w, values } = parameter(device, [1, 1, 4, 4]);
    const x = randomNd([3, 4], random);
    const once = twins.linear.forward([x, values], {});
    const dy = twins.map(once, () => 1);
    const [dOnce, dSecond] = twins.linear.backward([once, values], {}, dy);
    const [, dFirst] = twins.linear.backward([x, values], {}, dOnce!);
    for (let step = 0; step < 2; step++) {
      const tape = await newTape();
      const y = linear(tape, linear(tape, ndTensor(tape, x, "x"), tape.use(w), null), tape.use(w), null);
      tape.backward([sum(tape, y)]);
      const expected = twins.map(dFirst!, (v, k) => v + dSecond!.data[k]!);
      expectClose(await device.read(w.grad), expected.data, { atol: 1e-5, rtol: 1e-4 }, `step ${step}`);
    }
    arena.release();
  });

  it("of several losses add up, also where one loss feeds another", async () => {
    const tape = await newTape();
    const values = randomNd([2, 6], random);
    const x = tape.watch(ndTensor(tape, values, "x"));
    const a = sum(tape, x);
    const b = mean(tape, relu(tape, x));
    const c = add(tape, a, b);
    // c + a + b = 2 sum(x) + 2 mean(relu(x)).
    tape.backward([a, b, c]);
    const expected = values.data.map((v) => 2 + (v > 0 ? 2 / 12 : 0));
    expectClose(await tape.device.read(tape.gradient(x)), expected, { rtol: 1e-6 }, "dx");
    const total = values.data.reduce((s, v) => s + v + Math.max(v, 0) / 12, 0);
    expectClose(await tape.device.read(c), [total], { atol: 1e-5 }, "a loss outlives backward");
  });

  it("start from seeds where they are given", async () => {
    const tape = await newTape();
    const x = tape.watch(ndTensor(tape, randomNd([2, 3], random), "x"));
    const seed = randomNd([2, 3], random);
    tape.backward([add(tape, x, x)], [ndTensor(tape, seed, "seed")]);
    expect([...(await tape.device.read(tape.gradient(x)))]).toEqual([...seed.data.map((v) => 2 * v)]);
  });

  it("skip branches that lead to no loss, and inputs that need none", async () => {
    const device = await testDevice();
    const tape = await newTape();
    const { arena, parameter: w } = parameter(device, [1, 1, 3, 2]);
    const x = ndTensor(tape, randomNd([2, 3], random), "x");
    const y = linear(tape, x, tape.use(w), null);
    const dead = relu(tape, y);
    expect(tape.needsGradient(dead)).toBe(true);
    expect(tape.needsGradient(relu(tape, x))).toBe(false);
    tape.backward([sum(tape, y)]);
    expect((await device.read(w.grad)).every((v) => v !== 0)).toBe(true);
    expect(() => tape.gradient(x)).toThrow("x: no gradient reached it");
    arena.release();
  });

  it("need a loss of one element that depends on something", async () => {
    const tape = await newTape();
    const x = tape.watch(ndTensor(tape, randomNd([2, 3], random), "x"));
    const other = ndTensor(tape, randomNd([1], random), "other");
    expect(() => tape.backward([relu(tape, x)])).toThrow("backward: a loss has one element, relu has shape [2,3]");
    expect(() => tape.backward([other])).toThrow("backward: other depends on no parameter");
    const loss = sum(tape, x);
    expect(() => tape.backward([loss, loss])).toThrow("backward: sum is given twice");
    expect(() => tape.backward([loss], [x])).toThrow("backward: seed [2,3] does not fit sum [1]");
  });
});

describe("record", () => {
  it("does not compile where a gradient is missing", async () => {
    const tape = await newTape();
    const [a, b, y] = [tape.tensor([1], "a"), tape.tensor([1], "b"), tape.tensor([1], "y")];
    tape.record("both", { a, b }, y, [], (_dy, out) => ({ a: out.a, b: out.b }));
    // @ts-expect-error: the gradient of b is missing
    tape.record("half", { a, b }, y, [], (_dy, out) => ({ a: out.a }));
    // @ts-expect-error: there is no input c to write to
    tape.record("other", { a, b }, y, [], (_dy, out) => ({ a: out.a, b: out.c }));
    // @ts-expect-error: a backward function must return the gradients
    tape.record("none", { a, b }, y, [], () => {});
    expect(tape.needsGradient(y)).toBe(false);
  });
});

describe("memory", () => {
  it("of an inference tape is one tensor beyond what goes in and comes out", async () => {
    const device = await testDevice();
    const tape = await newTape(false);
    let x: Tensor = ndTensor(tape, randomNd([4, 16, 16, 4], random), "x");
    const one = device.memory.live;
    device.pool.resetPeak();
    const bytes = x.buffer.bytes;
    for (let i = 0; i < 5; i++) {
      const y = relu(tape, x);
      tape.drop(x);
      x = y;
    }
    expect(device.memory.live).toBe(one);
    expect(device.memory.peak).toBe(one + bytes);
    expect(() => tape.backward([x])).toThrow(/depends on no parameter|has shape/);
  });

  it("is given back by backward, but for losses, kept tensors and watched gradients", async () => {
    const device = await testDevice();
    const before = device.memory.live;
    const tape = await newTape();
    const x = tape.watch(ndTensor(tape, randomNd([2, 8], random), "x"));
    const [gamma, beta, runningMean, runningVar] = [1, 0, 0, 1].map((v) =>
      ndTensor(tape, twins.nd([8], Array(8).fill(v)), "v"),
    );
    const state = { runningMean: runningMean!, runningVar: runningVar! };
    const y = batchNorm(tape, add(tape, x, x), gamma!, beta!, state, { training: true });
    const z = tape.keep(relu(tape, y));
    const loss = sum(tape, relu(tape, z));
    tape.backward([loss]);
    // x, the four vectors, z, loss, the gradient of x, and the constant one: each of 256 bytes.
    expect(device.memory.live - before).toBe(9 * 256);
    await device.read(z);
    tape.dispose();
    expect(device.memory.live).toBe(before);
  });

  it("stays flat over 20 steps, and nothing new is made or compiled", async () => {
    const device = await testDevice();
    const net = smallNet(device);
    const state = () => ({ live: device.memory.live, created: device.memory.created, ...made(device) });
    for (let i = 0; i < 2; i++) net.step();
    await device.sync();
    const warm = state();
    device.pool.resetPeak();
    net.step();
    const peak = device.memory.peak;
    for (let i = 0; i < 20; i++) {
      net.step();
      expect(state()).toEqual(warm);
    }
    await device.sync();
    expect(device.memory.peak).toBe(peak);
    net.release();
  });
});

describe("recomputation", () => {
  it("gives the same bits in less memory", async () => {
    const device = await testDevice();
    const net = normalisedNet(device);
    const [plain, saving] = [await measured(device, net, false), await measured(device, net, true)];
    expect(Number.isFinite(plain.loss)).toBe(true);
    expect(saving.loss).toBe(plain.loss);
    expect(saving.grads).toEqual(plain.grads);
    expect(plain.grads.some((v) => v !== 0)).toBe(true);
    // Of the four outputs of batch norm one is read by a pool alone and one is a sum; two are computed again.
    expect(saving.dispatches - plain.dispatches).toBe(2);
    // The first of them alone is 4*32*32*16 floats.
    expect(plain.bytes - saving.bytes).toBeGreaterThanOrEqual(4 * 32 * 32 * 16 * 4);
    net.release();
  });

  it("leaves alone what is kept, what a backward reads, and everything where it is off", async () => {
    const device = await testDevice();
    for (const recompute of [false, true]) {
      const tape = new Tape(device, true, { recompute });
      const x = tape.watch(ndTensor(tape, randomNd([64, 8], random), "x"));
      const y = relu(tape, x);
      const kept = tape.keep(add(tape, y, y));
      const z = add(tape, kept, y);
      const before = device.memory.live;
      for (const tensor of [x, y, kept]) tape.drop(tensor);
      expect(device.memory.live).toBe(before);
      const joined = concatBatch(tape, [z, z]);
      const live = device.memory.live;
      // Joining needs no values in backward.
      tape.drop(z);
      expect(live - device.memory.live).toBe(recompute ? 64 * 8 * 4 : 0);
      tape.backward([sum(tape, joined)]);
      const expected = (await device.read(x)).map((v) => (v > 0 ? 6 : 0));
      expect([...(await device.read(tape.gradient(x)))]).toEqual([...expected]);
      tape.dispose();
    }
  });
});

type Net = ReturnType<typeof normalisedNet>;

/** Loss, gradients, peak bytes and dispatches of a warm step. */
async function measured(device: Device, net: Net, recompute: boolean) {
  device.release(net.step(new Tape(device, true, { recompute })));
  device.pool.resetPeak();
  const [before, counted] = [device.memory.live, device.counters.dispatches];
  const result = net.step(new Tape(device, true, { recompute }));
  const [bytes, dispatches] = [device.memory.peak - before, device.counters.dispatches - counted];
  const [loss, grads] = [(await device.read(result))[0] as number, [...(await device.read(net.arena.grads))]];
  device.release(result);
  expect(device.memory.live).toBe(before);
  return { loss, grads, bytes, dispatches };
}

/** Four convolutions with batch norm and ReLU, a pool behind the first and a residual around the third, dropping what is read. */
function normalisedNet(device: Device) {
  const numbers = normals(7);
  const shapes: [string, number[]][] = [
    ["c1", [3, 3, 1, 16]],
    ["fc", [1, 1, 16, 3]],
  ];
  for (const i of [2, 3, 4]) shapes.push([`c${i}`, [3, 3, 16, 16]]);
  for (const i of [1, 2, 3, 4]) shapes.push([`g${i}`, [16]], [`b${i}`, [16]]);
  const specs = shapes.map(([name, shape]) => ({
    name,
    shape,
    layout: "same" as const,
    init: () => Float32Array.from(randomNd(shape, numbers).data, (v) => 0.3 * v),
  }));
  const arena = new ParameterArena(device, specs, "net");
  const state = { runningMean: device.zeros([16], "mean"), runningVar: device.zeros([16], "variance") };
  const x = device.fromValues(randomNd([4, 32, 32, 1], numbers).data, [4, 32, 32, 1], "x");
  const labels = device.fromValues([0, 1, 2, 1], [4], "labels", "u32");
  const step = (tape: Tape) => {
    const use = (name: string) => tape.use(arena.get(name));
    const done = (y: Tensor, read: Tensor) => {
      tape.drop(read);
      return y;
    };
    const layer = (input: Tensor, i: number, residual: Tensor | null = null) => {
      const y = conv2d(tape, input, use(`c${i}`), null, { padding: 1 });
      const options = { training: true, relu: true, add: residual };
      return done(batchNorm(tape, y, use(`g${i}`), use(`b${i}`), state, options), y);
    };
    const first = layer(x, 1);
    const second = layer(done(maxPool(tape, first), first), 2);
    const third = done(layer(second, 3, second), second);
    const fourth = done(layer(third, 4), third);
    const last = conv2d(tape, fourth, use("c2"), null, { padding: 1 });
    tape.drop(fourth);
    const vector = done(globalAveragePool(tape, last), last);
    const loss = softmaxCrossEntropy(tape, linear(tape, vector, use("fc"), null), { labels });
    tape.backward([loss]);
    const copy = device.empty([1], "loss");
    device.copy(loss, copy);
    tape.dispose();
    return copy;
  };
  const release = () => {
    arena.release();
    for (const tensor of [x, labels, state.runningMean, state.runningVar]) device.release(tensor);
  };
  return { arena, step, release };
}

describe("determinism", () => {
  it("two runs from the same start are bitwise equal", async () => {
    const run = async (device: Device) => {
      const net = smallNet(device);
      for (let i = 0; i < 5; i++) net.step();
      const result = [await device.read(net.arena.values), await device.read(net.arena.grads)];
      net.release();
      return result;
    };
    const first = await run(await testDevice());
    expect(await run(await testDevice())).toEqual(first);
    // A fresh device has other buffers and no history.
    expect(await run(await testDevice({ maxPending: 7 }))).toEqual(first);
    expect(first[0]!.every(Number.isFinite)).toBe(true);
    expect(first[1]!.some((v) => v !== 0)).toBe(true);
  });
});

function made(device: Device) {
  const { pipelines, bindGroups, paramBlocks } = device.counters;
  return { pipelines, bindGroups, paramBlocks };
}

/** conv, batch norm, ReLU, pool, conv, flatten, linear, cross-entropy, and a plain update of the weights. */
function smallNet(device: Device) {
  const numbers = normals(99);
  const shapes = { c1: [3, 3, 1, 6], b1: [6], g: [6], bt: [6], c2: [3, 3, 6, 10], fc: [1, 1, 160, 3], fb: [3] };
  const specs = Object.entries(shapes).map(([name, shape]) => ({
    name,
    shape,
    layout: "same" as const,
    init: () => Float32Array.from(randomNd(shape, numbers).data, (v) => 0.2 * v),
  }));
  const arena = new ParameterArena(device, specs, "net");
  const state = { runningMean: device.zeros([6], "mean"), runningVar: device.zeros([6], "variance") };
  const x = device.fromValues(randomNd([4, 8, 8, 1], numbers).data, [4, 8, 8, 1], "x");
  const labels = device.fromValues([0, 1, 2, 1], [4], "labels", "u32");
  const step = () => {
    const tape = new Tape(device);
    const use = (name: string) => tape.use(arena.get(name));
    let y = conv2d(tape, x, use("c1"), use("b1"), { padding: 1 });
    y = maxPool(tape, batchNorm(tape, y, use("g"), use("bt"), state, { training: true, relu: true }));
    y = flatten(tape, relu(tape, conv2d(tape, y, use("c2"), null, { padding: 1 })));
    const loss = softmaxCrossEntropy(tape, linear(tape, y, use("fc"), use("fb")), { labels });
    tape.backward([loss]);
    tape.dispose();
  };
  const release = () => {
    arena.release();
    for (const tensor of [x, labels, state.runningMean, state.runningVar]) device.release(tensor);
  };
  return { arena, step, release };
}

describe("errors", () => {
  it("a tensor released twice", async () => {
    const device = await testDevice();
    const tensor = device.empty([3], "twice");
    device.release(tensor);
    expect(() => device.release(tensor)).toThrow(GpuError);
    expect(() => device.release(tensor)).toThrow("twice [3]: its buffer was released twice");
  });

  it("convolutions name both shapes", async () => {
    const tape = await newTape();
    const x = tape.tensor([8, 56, 56, 32], "x");
    const weight = (shape: number[]) => tape.tensor(shape, "w");
    expect(() => conv2d(tape, x, weight([3, 3, 64, 8]), null)).toThrow(
      "conv2d: weight expects 64 input channels, x has 32 (x [8,56,56,32], weight [3,3,64,8])",
    );
    expect(() => conv2d(tape, x, weight([3, 3, 32, 8]), weight([9]))).toThrow(
      "conv2d: bias [9] does not fit weight [3,3,32,8]",
    );
    expect(() => conv2d(tape, x, weight([57, 57, 32, 2]), null)).toThrow(
      "conv2d: kernel 57x57 is larger than x [8,56,56,32] with padding 0",
    );
    expect(() => linear(tape, tape.tensor([4, 5], "x"), weight([1, 1, 6, 2]), null)).toThrow(
      /5.*\[1,1,6,2\]|\[1,1,6,2\].*5/,
    );
  });
});
