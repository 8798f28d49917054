import { expect, test } from "vitest";
import { Tape } from "../../engine/index.js";
import { createNetwork } from "../../models/index.js";
import { FixMatchStep, fixMatchScalars } from "../../pipeline/fixMatchStep.js";
import { phaseOptimizer } from "../../pipeline/run/phase.js";
import { logSoftmax, nd } from "../reference/index.js";
import { normals } from "../support/checkOp.js";
import { testDevice } from "../support/device.js";
import { expectClose } from "../support/numeric.js";
import { quickConfig } from "./run/support.js";

const [b, classes] = [6, 4];
const labels = [2, 0, 3, 1, 1, 2];

test.each([
  { threshold: 0, lambdaU: 1 },
  { threshold: 0.28, lambdaU: 2.5 },
  { threshold: 1, lambdaU: 1 },
])(
  "the losses and the mask of a step are those of its logits: $threshold, $lambdaU",
  async ({ threshold, lambdaU }) => {
    const device = await testDevice();
    const make = () =>
      createNetwork(device, { model: "vgg19", width: 0.0625, input: 64, classes, seed: 3, label: "student" });
    const [network, copy] = [make(), make()];
    const optimizer = phaseOptimizer(network, quickConfig().train.optimizer);
    const state = device.zeros([2], "dropout state", "u32");
    const step = new FixMatchStep(
      device,
      { network, optimizer },
      { threshold, lambdaU, weak: "flips" },
      { p: 0, state },
    );
    const tape = Tape.inference(device);
    const random = normals(8);
    const image = (label: string) => {
      const x = tape.keep(tape.tensor([3 * b, 64, 64, 1], label));
      device.write(x, values);
      return x;
    };
    const values = Float32Array.from({ length: 3 * b * 64 * 64 }, () => 0.5 + 0.2 * random());
    const classOf = tape.keep(tape.tensor([b], "labels", "u32"));
    device.write(classOf, labels);

    const { logits } = copy.forward(tape, { x: image("x"), x2: null }, { training: true });
    const logp = logSoftmax(nd([3 * b, classes], await device.read(logits))).data;
    const row = (i: number) => [...logp.subarray(i * classes, (i + 1) * classes)];
    const mean = (terms: number[]) => terms.reduce((a, c) => a + c, 0) / b;
    const onL = mean(labels.map((label, i) => -row(i)[label]!));
    const weak = labels.map((_, i) => row(b + i));
    const mask = weak.map((p) => Number(Math.exp(Math.max(...p)) >= threshold));
    const onU = mean(weak.map((p, i) => -mask[i]! * row(2 * b + i)[p.indexOf(Math.max(...p))]!));

    const before = await device.read(network.arena.values);
    step.prepare(0.01);
    step.compute({ inputs: { x: image("x again"), x2: null }, labels: classOf });
    const read = [...(await device.read(step.scalars.values))];
    expect(fixMatchScalars).toEqual(["studentLossLabelled", "studentLossUnlabelled", "maskMean"]);
    expectClose(read, [onL, lambdaU * onU, mean(mask)], { atol: 1e-5, rtol: 1e-4 }, "scalars");
    if (threshold === 0) expect(mean(mask)).toBe(1);
    if (threshold === 1) expect(read[1]).toBe(0);
    expect(await device.read(network.arena.values)).not.toEqual(before);
    for (const one of [step, optimizer, network, copy]) one.release();
    device.release(state);
    tape.dispose();
  },
);
