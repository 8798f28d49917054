import {
  batchNorm,
  conv2d,
  createOptimizer,
  type Device,
  globalAveragePool,
  linear,
  maxPool,
  ParameterArena,
  relu,
  softmaxCrossEntropy,
  Tape,
  TensorArena,
} from "../../engine/index.js";

const batch = 6;
const side = 8;
const shapes = { c1: [3, 3, 1, 6], g: [6], b: [6], c2: [3, 3, 6, 10], fc: [1, 1, 10, 3], fb: [3] };

/** conv, batch norm, pool, conv, ReLU, linear on the mean pixel, cross-entropy, Adam: its host values change each step. */
export function trainable(device: Device) {
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
export function countCalls(device: Device): { calls: Record<string, number>; stop: () => void } {
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
