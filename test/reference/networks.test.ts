import { describe, expect, it } from "vitest";
import { activationFromTorch, asNd, weightFromTorch, weightToTorch } from "../support/layout.js";
import { expectClose } from "../support/numeric.js";
import {
  type OracleNetwork,
  oracleInputs,
  oracleWeights,
  readFixture,
  readFixtureTensors,
  type StateShapes,
} from "../support/oracle.js";
import { checkBuffers, checkGradients, checkLogits, checkParams } from "../support/oracleChecks.js";
import {
  batchNorm,
  conv2d,
  globalAveragePool,
  linear,
  maxPool,
  type Nd,
  nd,
  relu,
  sgdStep,
  softmaxCrossEntropy,
  type Twin,
} from "./index.js";

/** Whole networks made of twins, against PyTorch: the twins fit together, and so do layouts, names and the checks. */

/** A layer: its twin and the names of its parameters in torch's state_dict. */
interface Layer {
  twin: Twin<never>;
  names: string[];
  params: object;
}

type Weights = Map<string, Nd>;

const layer = <P>(twin: Twin<P>, names: string[] = [], params: object = {}): Layer => ({
  twin: twin as unknown as Twin<never>,
  names,
  params,
});
const convLayer = (name: string, bias: boolean, stride = 1) =>
  layer(conv2d, bias ? [`${name}.weight`, `${name}.bias`] : [`${name}.weight`], { stride, padding: 1 });
const bnLayer = (name: string) => layer(batchNorm, [`${name}.weight`, `${name}.bias`], { bn: name });
const linearLayer = (name: string) => layer(linear, [`${name}.weight`, `${name}.bias`]);
const pool = layer(maxPool, [], { size: 2, stride: 2 });

/** Runs a chain of layers and its backward pass; in training mode running statistics in `weights` move. */
function run(layers: Layer[], weights: Weights, x: Nd, train: boolean) {
  const inputs: Nd[][] = [];
  const params: object[] = [];
  let y = x;
  layers.forEach((each, at) => {
    inputs[at] = [y, ...each.names.map((name) => weights.get(name)!)];
    const bn = (each.params as { bn?: string }).bn;
    const [mean, variance] = [`${bn}.running_mean`, `${bn}.running_var`];
    const running = { runningMean: weights.get(mean)!, runningVar: weights.get(variance)! };
    params[at] = bn ? { train, ...running } : each.params;
    y = each.twin.forward(inputs[at], params[at] as never);
    if (bn && train) {
      const after = batchNorm.running(inputs[at], { train, ...running });
      weights.set(mean, after.runningMean).set(variance, after.runningVar);
    }
  });
  const backward = (dy: Nd): Weights => {
    const grads: Weights = new Map();
    let g = dy;
    for (let at = layers.length - 1; at >= 0; at--) {
      const [dx, ...rest] = layers[at]!.twin.backward(inputs[at]!, params[at] as never, g);
      layers[at]!.names.forEach((name, k) => {
        grads.set(name, rest[k]!);
      });
      g = dx!;
    }
    return grads;
  };
  return { y, backward };
}

/** One training step: loss, logits, gradients; weights and momentum buffers are replaced in their maps. */
function trainStep(
  layers: Layer[],
  weights: Weights,
  buffers: Weights,
  x: Nd,
  labels: number[],
  sgd: { lr: number; momentum: number; weightDecay: number },
) {
  const { y, backward } = run(layers, weights, x, true);
  const loss = softmaxCrossEntropy.forward([y], { labels }).data[0]!;
  const grads = backward(softmaxCrossEntropy.backward([y], { labels }, nd([1], [1]))[0]!);
  for (const [name, gradient] of grads) {
    const next = sgdStep(weights.get(name)!, gradient, buffers.get(name) ?? null, sgd);
    weights.set(name, next.weight);
    buffers.set(name, next.buffer);
  }
  return { loss, logits: y, grads };
}

const toTorch = (tensors: Weights, pick: (name: string) => boolean = () => true) =>
  new Map([...tensors].filter(([name]) => pick(name)).map(([name, tensor]) => [name, weightToTorch(tensor).data]));

describe("ten SGD steps of a small network", () => {
  const tensors = readFixtureTensors("torch/training.safetensors");
  const get = (name: string) => asNd(tensors.get(name)!);
  const layers = [
    convLayer("conv1", true),
    bnLayer("bn1"),
    layer(relu),
    pool,
    convLayer("conv2", false, 2),
    bnLayer("bn2"),
    layer(relu),
    layer(globalAveragePool),
    linearLayer("fc"),
  ];
  const floats = [...tensors.keys()].filter(
    (name) => name.startsWith("final/") && !name.endsWith("num_batches_tracked"),
  );

  it("has PyTorch's losses, gradients and final weights", () => {
    const weights: Weights = new Map(
      floats.map((name) => [name.slice(6), weightFromTorch(get(name.replace("final/", "init/")))]),
    );
    const buffers: Weights = new Map();
    const images = get("images");
    const labels = get("labels").data;
    const batch = (step: number) =>
      activationFromTorch(nd([6, 1, 10, 12], images.data.subarray(720 * step, 720 * (step + 1))));
    const sgd = { lr: 0.05, momentum: 0.9, weightDecay: 1e-3 };
    const losses = Array.from({ length: 10 }, (_, step) => {
      const result = trainStep(
        layers,
        weights,
        buffers,
        batch(step),
        [...labels.subarray(6 * step, 6 * step + 6)],
        sgd,
      );
      if (step === 0) {
        expectClose(result.logits.data, get("logits_step1").data, { atol: 1e-12 }, "logits of step 1");
        for (const [name, gradient] of toTorch(result.grads)) {
          expectClose(gradient, get(`grads_step1/${name}`).data, { atol: 1e-12 }, `gradient of ${name}`);
        }
      }
      return result.loss;
    });
    expectClose(losses, get("losses").data, { atol: 1e-10 }, "losses");
    expect(losses[9]!).toBeLessThan(losses[0]!);
    for (const [name, values] of toTorch(weights))
      expectClose(values, get(`final/${name}`).data, { atol: 1e-10 }, name);
    const { y } = run(layers, weights, batch(0), false);
    expectClose(y.data, get("logits_eval_final").data, { atol: 1e-9 }, "eval logits at the end");
  });
});

describe("a small VGG19", () => {
  const network: OracleNetwork & { state_dict: StateShapes } = JSON.parse(
    readFixture("networks/vgg19_small.json.gz").toString(),
  );

  /** From the names alone: a convolution is followed by its batch norm and ReLU; a gap in the numbers is a pool. */
  function vgg(): Layer[] {
    const convs = network.state_dict.filter(([name, shape]) => name.startsWith("features.") && shape.length === 4);
    const positions = convs.map(([name]) => Number(name.split(".")[1]));
    const features = positions.flatMap((at, k) => {
      const block = [convLayer(`features.${at}`, true), bnLayer(`features.${at + 1}`), layer(relu)];
      return (positions[k + 1] ?? Number.POSITIVE_INFINITY) > at + 3 ? [...block, pool] : block;
    });
    const head = ["projection.0", "projection.2", "classifier.0", "classifier.3", "classifier.6"].map(linearLayer);
    // 64 px and six pools leave one pixel: the global mean of one pixel flattens it.
    return [
      ...features,
      layer(globalAveragePool),
      head[0]!,
      layer(relu),
      head[1]!,
      head[2]!,
      layer(relu),
      head[3]!,
      layer(relu),
      head[4]!,
    ];
  }

  it("passes every check of the reference runs over two steps", () => {
    const start = oracleWeights(network.prng_tag, network.state_dict);
    const weights: Weights = new Map(
      [...start]
        .filter(([, { dtype }]) => dtype === "F32")
        .map(([name, tensor]) => [name, weightFromTorch(asNd(tensor))]),
    );
    const isBuffer = (name: string) => name.includes("running_");
    const before = toTorch(weights, (name) => !isBuffer(name));
    const { data, shape } = oracleInputs(network)[0]!;
    const x = activationFromTorch(nd(shape, data));
    const layers = vgg();
    expect(checkLogits(network.logits_eval_f64, run(layers, weights, x, false).y.data, 1e-10, "eval logits")).toEqual(
      [],
    );
    const buffers: Weights = new Map();
    const { lr, momentum, weight_decay: weightDecay } = network.sgd;
    for (const step of [1, 2]) {
      const { loss, logits, grads } = trainStep(layers, weights, buffers, x, network.labels, {
        lr,
        momentum,
        weightDecay,
      });
      const reference = network.steps[step - 1]!;
      expect(loss).toBeCloseTo(reference.loss_train_f64, 9);
      expect(checkLogits(reference.logits_train_f64, logits.data, 1e-9, "train logits")).toEqual([]);
      expect(checkGradients(network, toTorch(grads), step)).toEqual([]);
      expect(
        checkParams(
          network,
          toTorch(weights, (name) => !isBuffer(name)),
          step,
          before,
        ),
      ).toEqual([]);
      expect(checkBuffers(network, toTorch(weights, isBuffer), step)).toEqual([]);
    }
  });
});
