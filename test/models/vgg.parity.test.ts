import { expect, test } from "vitest";
import { createOptimizer, softmaxCrossEntropy, Tape } from "../../engine/index.js";
import { createNetwork, type NetworkInputs, toFloat32 } from "../../models/index.js";
import { testDevice } from "../support/device.js";
import { oracleInputs, oracleNetwork, oracleShapes, oracleWeights } from "../support/oracle.js";
import { checkBuffers, checkGradients, checkLogits, checkParams, LOGIT_TOLERANCE } from "../support/oracleChecks.js";

const cases = [
  { tag: "vgg19_ss_128", model: "vgg19", input: 128 },
  { tag: "vgg19_ms_224_112_b4", model: "ms-vgg19", input: 224 },
] as const;

/** The reference runs of PyTorch: eval logits, train logits, every gradient, weights and statistics after one SGD step. */
test.each(cases)("$model equals the reference run $tag", async ({ tag, model, input }) => {
  const device = await testDevice();
  const reference = oracleNetwork(tag);
  const network = createNetwork(device, { model, width: 1, input, classes: 4, seed: 1, label: tag });
  const shapes = oracleShapes(model);
  network.loadStateDict(oracleWeights(reference.prng_tag, shapes), tag);
  expect(network.parameterCount).toBe(reference.params_total);
  expect([...(await network.stateDict()).entries()].map(([name, t]) => [name, t.shape])).toEqual(shapes);

  const [x, x2] = oracleInputs(reference).map(({ shape: [n, , h, w], data }, i) =>
    device.fromValues(data, [n, h, w, 1] as number[], `image ${i}`),
  );
  const inputs = { x, x2: x2 ?? null } as NetworkInputs;
  const labels = device.fromValues(reference.labels, [reference.batch], "labels", "u32");

  const evaluation = Tape.inference(device);
  const outputs = network.forward(evaluation, inputs, { training: false });
  expect(
    checkLogits(reference.logits_eval, await device.read(outputs.logits), LOGIT_TOLERANCE.eval, "eval logits"),
  ).toEqual([]);
  evaluation.dispose();

  const { lr, momentum, weight_decay: weightDecay } = reference.sgd;
  const optimizer = createOptimizer(network.arena, { name: "sgd", momentum }, () => ({ rateFactor: 1, weightDecay }));
  const step = reference.steps[0] as (typeof reference.steps)[0];
  const tape = new Tape(device);
  const { logits } = network.forward(tape, inputs, { training: true });
  const loss = softmaxCrossEntropy(tape, logits, { labels });
  expect(checkLogits(step.logits_train, await device.read(logits), LOGIT_TOLERANCE.train, "train logits")).toEqual([]);
  tape.backward([loss]);
  expect((await device.read(loss))[0]).toBeCloseTo(step.loss_train, 4);
  expect(checkGradients(reference, floats(await network.gradients()))).toEqual([]);
  optimizer.step(lr);
  tape.dispose();

  const after = floats(await network.stateDict());
  const isBuffer = (name: string) => /running_|num_batches/.test(name);
  const split = (keep: boolean) => new Map([...after].filter(([name]) => isBuffer(name) === keep));
  expect(checkParams(reference, split(false))).toEqual([]);
  expect(checkBuffers(reference, split(true))).toEqual([]);
  optimizer.release();
  network.release();
});

function floats(tensors: ReadonlyMap<string, Parameters<typeof toFloat32>[0]>): Map<string, Float32Array> {
  return new Map(
    [...tensors].map(([name, t]) => [name, t.dtype === "I64" ? Float32Array.of(Number(t.data[0])) : toFloat32(t)]),
  );
}
