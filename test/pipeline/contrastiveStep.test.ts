import { expect, test } from "vitest";
import { Tape } from "../../engine/index.js";
import { createNetwork } from "../../models/index.js";
import { ContrastiveStep, ofClassifier } from "../../pipeline/contrastiveStep.js";
import { phaseOptimizer } from "../../pipeline/run/phase.js";
import { nd, ntXent } from "../reference/index.js";
import { normals } from "../support/checkOp.js";
import { testDevice } from "../support/device.js";
import { expectClose } from "../support/numeric.js";
import { quickConfig } from "./run/support.js";

test("the loss of a step is NT-Xent of its features, and one batch is soon learnt", async () => {
  const device = await testDevice();
  const n = 6;
  const make = () =>
    createNetwork(device, { model: "vgg19", width: 0.0625, input: 64, classes: 4, seed: 3, label: "student" });
  const [network, copy] = [make(), make()];
  const optimizer = phaseOptimizer(network, quickConfig().contrastive.optimizer, (name) => !ofClassifier(name));
  const state = device.zeros([2], "dropout state", "u32");
  const temperature = 0.5;
  const step = new ContrastiveStep(device, { network, optimizer }, temperature, { p: 0, state });
  const tape = Tape.inference(device);
  const random = normals(6);
  // Two noisy views of each of n random images.
  const images = Float32Array.from({ length: n * 64 * 64 }, () => 0.5 + 0.2 * random());
  const values = Float32Array.from(
    { length: 2 * images.length },
    (_, i) => images[i % images.length]! + 0.05 * random(),
  );
  const x = () => {
    const image = tape.tensor([2 * n, 64, 64, 1], "views");
    device.write(image, values);
    return { x: tape.keep(image), x2: null };
  };
  const { features } = copy.forward(tape, x(), { training: true });
  const z = nd(features.shape, await device.read(features));

  const losses: number[] = [];
  for (let i = 0; i < 16; i++) {
    step.prepare(0.03);
    step.compute(x());
    losses.push((await device.read(step.scalars.values))[0]!);
  }
  expectClose([losses[0]!], ntXent.forward([z], { temperature }).data, { atol: 1e-5, rtol: 1e-4 }, "first loss");
  // The least possible: 1 to its partner, -1 / (n - 1) to the others.
  const least = Math.log(Math.exp(2) + (2 * n - 2) * Math.exp(-2 / (n - 1))) - 2;
  expect(losses.at(-1)!).toBeGreaterThan(least);
  expect(losses.at(-1)!).toBeLessThan((losses[0]! + least) / 2);
  for (const one of [step, optimizer, network, copy]) one.release();
  device.release(state);
  tape.dispose();
});
