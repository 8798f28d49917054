import { expect, it } from "vitest";
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
import { type Nd, nd } from "../reference/index.js";
import { deviceVariants, testDevice } from "../support/device.js";
import { activationFromTorch, asNd, weightFromTorch, weightToTorch } from "../support/layout.js";
import { expectClose } from "../support/numeric.js";
import { readFixtureTensors } from "../support/oracle.js";

/** PyTorch's run, see test/fixtures/make_training.py; the names of its tensors are those of the state dict. */
const fixture = readFixtureTensors("torch/training.safetensors");
const torch = (name: string): Nd => asNd(fixture.get(name)!);
const parameters = [...fixture.keys()].filter((k) => k.startsWith("grads_step1/")).map((k) => k.slice(12));
const buffers = [...fixture.keys()].filter((k) => /^final\/.*running_/.test(k)).map((k) => k.slice(6));

/** The engine's shape of a parameter: a linear weight is a 1x1 convolution. */
function initial(name: string): Nd {
  const { shape, data } = weightFromTorch(torch(`init/${name}`));
  return nd(shape.length === 2 ? [1, 1, ...shape] : shape, data);
}

/** The network of the fixture on a device. */
function network(device: Device) {
  const specs = parameters.map((name) => {
    const { shape, data } = initial(name);
    return { name, shape, layout: "same" as const, init: () => Float32Array.from(data) };
  });
  const arena = new ParameterArena(device, specs, "net");
  const statistics = new TensorArena(
    device,
    buffers.map((name) => ({ name, shape: initial(name).shape })),
    "statistics",
  );
  for (const name of buffers) device.write(statistics.get(name), initial(name).data);
  const forward = (tape: Tape, images: Nd, training: boolean) => {
    const use = (name: string) => tape.use(arena.get(name));
    const norm = (name: string, x: Parameters<typeof relu>[1], fused: boolean) => {
      const state = {
        runningMean: statistics.get(`${name}.running_mean`),
        runningVar: statistics.get(`${name}.running_var`),
      };
      const options = { training, relu: fused };
      return batchNorm(tape, x, use(`${name}.weight`), use(`${name}.bias`), state, options);
    };
    const x = tape.tensor(images.shape, "images");
    device.write(x, images.data);
    let y = conv2d(tape, x, use("conv1.weight"), use("conv1.bias"), { padding: 1 });
    y = maxPool(tape, norm("bn1", y, true));
    y = conv2d(tape, y, use("conv2.weight"), null, { stride: 2, padding: 1 });
    y = relu(tape, norm("bn2", y, false));
    return linear(tape, globalAveragePool(tape, y), use("fc.weight"), use("fc.bias"));
  };
  const release = () => {
    arena.release();
    statistics.release();
  };
  return { arena, statistics, forward, release };
}

function batch(step: number): { images: Nd; labels: Float64Array } {
  const images = torch("images").data.subarray(720 * step, 720 * (step + 1));
  return {
    images: activationFromTorch(nd([6, 1, 10, 12], images)),
    labels: torch("labels").data.slice(6 * step, 6 * step + 6),
  };
}

/** PyTorch's own single-precision run strays 1e-7 in the losses and 2e-7 in the weights from its double one. */
const close = { atol: 1e-6, rtol: 2e-6 };

it.each(deviceVariants)("ten SGD steps of a small network equal PyTorch's, %s", async (_, options) => {
  const device = await testDevice(options);
  const net = network(device);
  const sgd = { name: "sgd", momentum: 0.9 } as const;
  const optimizer = createOptimizer(net.arena, sgd, () => ({ rateFactor: 1, weightDecay: 1e-3 }));
  const losses: number[] = [];
  for (let step = 0; step < 10; step++) {
    const { images, labels } = batch(step);
    const tape = new Tape(device);
    const logits = tape.keep(net.forward(tape, images, true));
    const target = tape.tensor([6], "labels", "u32");
    device.write(target, labels);
    const loss = softmaxCrossEntropy(tape, logits, { labels: target });
    tape.backward([loss]);
    losses.push((await device.read(loss))[0]!);
    if (step === 0) {
      expectClose(await device.read(logits), torch("logits_step1").data, close, "logits of step 1");
      for (const { name, grad } of net.arena.parameters) {
        expectClose(await values(device, name, grad), torch(`grads_step1/${name}`).data, close, `gradient of ${name}`);
      }
    }
    optimizer.step(0.05);
    tape.dispose();
  }
  expectClose(losses, torch("losses").data, close, "losses");
  expect(losses[9]).toBeLessThan(losses[0]!);
  for (const { name, value } of net.arena.parameters) {
    expectClose(await values(device, name, value), torch(`final/${name}`).data, close, `final ${name}`);
  }
  for (const name of buffers) {
    expectClose(await device.read(net.statistics.get(name)), torch(`final/${name}`).data, close, `final ${name}`);
  }
  const tape = Tape.inference(device);
  const logits = await device.read(net.forward(tape, batch(0).images, false));
  expectClose(logits, torch("logits_eval_final").data, close, "logits in evaluation");
  tape.dispose();
  optimizer.release();
  net.release();
});

/** A tensor's values in torch's layout. */
async function values(device: Device, name: string, tensor: Parameters<Device["read"]>[0]): Promise<Float64Array> {
  const shape = name === "fc.weight" ? tensor.shape.slice(2) : tensor.shape;
  return weightToTorch(nd([...shape], await device.read(tensor))).data;
}
