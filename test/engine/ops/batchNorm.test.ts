import { describe, expect, it } from "vitest";
import { batchNorm, type Device, type Tape, type Tensor } from "../../../engine/index.js";
import * as twins from "../../reference/index.js";
import { checkOp, ndTensor, normals, PoisonedTape, randomNd, readChecked, runOp } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";

/** Running statistics to begin with: any means, positive variances. */
function running(channels: number): Pick<twins.BatchNormParams, "runningMean" | "runningVar"> {
  const random = normals(5);
  return {
    runningMean: randomNd([channels], random),
    runningVar: twins.map(randomNd([channels], random), (v) => Math.fround(0.5 + Math.abs(v))),
  };
}

function runOn(tape: Tape, [x, gamma, beta, add = null]: (Tensor | null)[], params: twins.BatchNormParams) {
  const state = {
    runningMean: ndTensor(tape, params.runningMean, "running mean"),
    runningVar: ndTensor(tape, params.runningVar, "running variance"),
  };
  const { train: training, relu = false, eps = 1e-5, momentum = 0.1 } = params;
  return { y: batchNorm(tape, x!, gamma!, beta!, state, { training, add, relu, eps, momentum }), state };
}

/** Images and vectors, odd channels, one image, few rows, and many shares. */
const shapes = [
  [2, 3, 5, 6],
  [1, 4, 3, 3],
  [3, 1, 1, 18],
  [2, 33],
  [7, 5],
  [5, 31, 29, 4],
];

describe.each(deviceVariants)("batch norm, %s", (_, options) => {
  const cases = shapes.flatMap((shape) =>
    [true, false].flatMap((train) => [true, false].map((relu) => ({ shape, train, relu }))),
  );
  it.each(cases)("$shape, training $train, relu $relu", async ({ shape, train, relu }) => {
    const channels = shape.at(-1) as number;
    const params = { train, relu, ...running(channels) };
    await checkOp(await testDevice(options), {
      op: (tape, inputs) => runOn(tape, inputs, params).y,
      twin: twins.batchNorm,
      params,
      inputs: [shape, [channels], [channels]],
      // Sums of up to 4495 products for dGamma and dBeta, whose terms cancel.
      gradient: { atol: 2e-4 },
    });
  });

  it.each(cases)("$shape with an addition, training $train, relu $relu", async ({ shape, train, relu }) => {
    const channels = shape.at(-1) as number;
    const params = { train, relu, ...running(channels) };
    await checkOp(await testDevice(options), {
      op: (tape, inputs) => runOn(tape, inputs, params).y,
      twin: twins.batchNorm,
      params,
      inputs: [shape, [channels], [channels], shape],
      gradient: { atol: 2e-4 },
    });
  });

  it.each([{ shape: [4, 3, 5, 6] }, { shape: [9, 18] }, { shape: [2, 20, 31, 7] }])(
    "moves running statistics as torch, $shape",
    async ({ shape }) => {
      const channels = shape.at(-1) as number;
      const params = { train: true, momentum: 0.3, ...running(channels) };
      await checkRunning(await testDevice(options), shape, params);
    },
  );
});

async function checkRunning(device: Device, shape: number[], params: twins.BatchNormParams): Promise<void> {
  const random = normals(3);
  const channels = shape.at(-1) as number;
  const inputs = [
    twins.map(randomNd(shape, random), (v) => Math.fround(3 * v + 2)),
    randomNd([channels], random),
    randomNd([channels], random),
  ];
  const tape = new PoisonedTape(device);
  const tensors = inputs.map((input, i) => ndTensor(tape, input, `input ${i}`));
  const { state } = runOn(tape, tensors, params);
  const expected = twins.batchNorm.running(inputs, params);
  for (const name of ["runningMean", "runningVar"] as const) {
    expectClose(await readChecked(device, state[name], name), expected[name].data, { atol: 1e-6, rtol: 1e-5 }, name);
  }
  tape.dispose();
}

describe("batch norm", () => {
  it("keeps its precision where the mean is large and the variance small", async () => {
    const shape = [4, 12, 11, 6];
    const random = normals(11);
    // Mean 1000 (f32 has steps of 6e-5 there), standard deviation 0.01: E[x^2] - E[x]^2 would be noise.
    const x = twins.map(randomNd(shape, random), (v, k) => Math.fround((k % 2 ? 1000 : -1000) + 0.01 * v));
    const params = { train: true, ...running(6) };
    await checkOp(await testDevice(), {
      op: (tape, inputs) => runOn(tape, inputs, params).y,
      twin: twins.batchNorm,
      params,
      inputs: [x, [6], [6]],
      // Means of shares are rounded to those steps: up to 3e-5 / 0.01 of an output.
      forward: { atol: 3e-3 },
      // dx is about 1 / 0.01 here.
      gradient: { atol: 0.3 },
      differences: false,
    });
  });

  it("is finite where a channel is constant", async () => {
    const x = twins.map(twins.nd([6, 3]), (_, k) => (k % 3 === 1 ? k : 7.7));
    const params = { train: true, ...running(3) };
    await checkOp(await testDevice(), {
      op: (tape, inputs) => runOn(tape, inputs, params).y,
      twin: twins.batchNorm,
      params,
      inputs: [x, [3], [3]],
      // 1/sqrt(eps) = 316 multiplies every rounding in constant channels.
      gradient: { atol: 1e-3 },
      differences: false,
    });
  });

  it("leaves running statistics alone in evaluation", async () => {
    const device = await testDevice();
    await checkRunning(device, [4, 2, 2, 5], { train: false, ...running(5) });
  });

  it("adds what needs no gradient, or adds x to itself", async () => {
    const device = await testDevice();
    const random = normals(21);
    const [shape, params] = [[3, 5, 4, 6], { train: true, relu: true, ...running(6) }];
    const inputs = [randomNd(shape, random), randomNd([6], random), randomNd([6], random)];
    const dy = randomNd(shape, random);
    for (const add of [randomNd(shape, random), inputs[0] as twins.Nd]) {
      const self = add === inputs[0];
      const [dx, ...others] = twins.batchNorm.backward([...inputs, add], params, dy);
      const result = await runOp(
        device,
        (tape, tensors) => runOn(tape, [...tensors, self ? tensors[0]! : ndTensor(tape, add, "constant")], params).y,
        inputs,
        dy,
      );
      const expected = self ? twins.map(dx!, (v, k) => v + others[2]!.data[k]!) : dx!;
      [expected, others[0]!, others[1]!].forEach((gradient, i) => {
        expectClose(result.gradients[i]!, gradient.data, { atol: 1e-4, rtol: 1e-3 }, `gradient ${i}, self ${self}`);
      });
    }
  });

  it("refuses what does not fit, naming the shapes", async () => {
    const tape = new PoisonedTape(await testDevice());
    const vector = (n: number) => tape.tensor([n], "v");
    const state = { runningMean: vector(4), runningVar: vector(4) };
    const run = (x: number[], channels: number, training: boolean) => () =>
      batchNorm(tape, tape.tensor(x, "x"), vector(channels), vector(4), state, { training });
    expect(run([2, 3, 3, 5], 5, true)).toThrow("batchNorm: beta [4] does not fit x [2,3,3,5]");
    expect(() =>
      batchNorm(tape, tape.tensor([2, 4], "x"), vector(4), vector(4), state, {
        training: true,
        add: tape.tensor([3, 4], "add"),
      }),
    ).toThrow("batchNorm: add [3,4] must have the shape of x [2,4]");
    expect(run([1, 1, 1, 4], 4, true)).toThrow("batchNorm: x [1,1,1,4] has one value per channel");
    expect(run([1, 1, 1, 4], 4, false)).not.toThrow();
    tape.dispose();
  });
});
