import { expect } from "vitest";
import { createOptimizer, softmaxCrossEntropy, Tape } from "../../engine/index.js";
import { createNetwork, type NetworkInputs, type RawTensor, toFloat32 } from "../../models/index.js";
import { testDevice } from "./device.js";
import { type OracleNetwork, oracleInputs, oracleNetwork, oracleShapes, oracleWeights } from "./oracle.js";
import { checkBuffers, checkGradients, checkLogits, checkParams, LOGIT_TOLERANCE } from "./oracleChecks.js";

export interface ParityCase {
  /** Folder of the reference run. */
  tag: string;
  model: string;
  /** Side of the patch, px; multi-scale: of the big scale. */
  input: number;
  featureSize?: number;
  /** Training steps that are compared; the second is chaotic unless the learning rate is tiny. Default 1. */
  steps?: 1 | 2;
  /**
   * Allowed besides the tolerances, as a part of each gradient's L2. Where an input of a ReLU is nearly 0, rounding decides
   * whether a gradient passes: on small images that moves single gradients by some per cent, in PyTorch's own f32 run against its
   * f64 run as well, whereas a wrong connection moves them by as much as they are. Default 0.
   */
  slack?: number;
  /** Default: the run of the authors' networks with this tag, and the model's own state dict. */
  reference?: OracleNetwork;
  shapes?: ReturnType<typeof oracleShapes>;
}

/**
 * A network of width 1 against a run of PyTorch: state dict, eval logits, then per step train logits, loss, every gradient,
 * weights after SGD and batch norm statistics; at the end the evaluation again.
 */
export async function expectParity({
  tag,
  model,
  input,
  featureSize = 128,
  steps = 1,
  slack = 0,
  ...given
}: ParityCase) {
  const device = await testDevice();
  const reference = given.reference ?? oracleNetwork(tag);
  const shapes = given.shapes ?? oracleShapes(model);
  const network = createNetwork(device, { model, width: 1, input, classes: 4, seed: 1, label: tag, featureSize });
  const start = oracleWeights(reference.prng_tag, shapes);
  network.loadStateDict(start, tag);
  expect(network.parameterCount).toBe(reference.params_total);
  expect([...(await network.stateDict()).entries()].map(([name, t]) => [name, t.shape])).toEqual(shapes);

  const [x, x2] = oracleInputs(reference).map(({ shape: [n, , h, w], data }, i) =>
    device.fromValues(data, [n, h, w, 1] as number[], `image ${i}`),
  );
  const inputs = { x, x2: x2 ?? null } as NetworkInputs;
  const labels = device.fromValues(reference.labels, [reference.batch], "labels", "u32");
  const evaluate = async (expected: number[][], label: string) => {
    const tape = Tape.inference(device);
    const { logits } = network.forward(tape, inputs, { training: false });
    expect(checkLogits(expected, await device.read(logits), LOGIT_TOLERANCE.eval, label)).toEqual([]);
    tape.dispose();
  };

  await evaluate(reference.logits_eval, "eval logits");
  const { lr, momentum, weight_decay: weightDecay } = reference.sgd;
  const optimizer = createOptimizer(network.arena, { name: "sgd", momentum }, () => ({ rateFactor: 1, weightDecay }));
  for (let k = 1; k <= steps; k++) {
    const step = reference.steps[k - 1] as (typeof reference.steps)[0];
    const tape = new Tape(device);
    const { logits } = network.forward(tape, inputs, { training: true });
    const loss = softmaxCrossEntropy(tape, logits, { labels });
    const label = `train logits, step ${k}`;
    expect(checkLogits(step.logits_train, await device.read(logits), LOGIT_TOLERANCE.train, label)).toEqual([]);
    tape.backward([loss]);
    expect((await device.read(loss))[0]).toBeCloseTo(step.loss_train, 4);
    expect(checkGradients(reference, floats(await network.gradients()), k, slack)).toEqual([]);
    optimizer.step(lr);
    tape.dispose();
    const after = floats(await network.stateDict());
    expect(checkParams(reference, part(after, false), k, floats(start), slack)).toEqual([]);
    expect(checkBuffers(reference, part(after, true), k)).toEqual([]);
  }
  if (steps === 2 && reference.logits_eval_after_step2)
    await evaluate(reference.logits_eval_after_step2, "eval logits after step 2");
  optimizer.release();
  network.release();
}

/** Either the parameters or the batch norm buffers of a state dict. */
function part(tensors: Map<string, Float32Array>, buffers: boolean): Map<string, Float32Array> {
  return new Map([...tensors].filter(([name]) => /running_|num_batches/.test(name) === buffers));
}

function floats(tensors: ReadonlyMap<string, RawTensor>): Map<string, Float32Array> {
  return new Map([...tensors].map(([name, tensor]) => [name, toFloat32(tensor)]));
}
