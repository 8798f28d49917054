/** `@tensorflow/tfjs-backend-webgpu` as an engine of the benchmark. Run by `bench/run/process.ts`. */
import { serve } from "./serve.mjs";
import { installWebGpu } from "./webgpu.mjs";

/** @typedef {import("./serve.mjs").Spec} Spec @typedef {import("./serve.mjs").Inputs} Inputs */

/** The packages are installed on first use: their types are not known here. @param {string} name */
const load = (name) => import(name);

/** @type {Record<string, any>} the library, once it is loaded */
let tf = {};
/** @type {any} */
let backend;

/** @param {{ adapter: string | null }} request */
async function open({ adapter }) {
  const { taken } = installWebGpu(adapter);
  tf = await load("@tensorflow/tfjs-core");
  await load("@tensorflow/tfjs-backend-webgpu");
  // Of this package only a side effect is used: it registers the gradients of all ops.
  await load("@tensorflow/tfjs-layers");
  if (!(await tf.setBackend("webgpu"))) throw new Error("its WebGPU backend does not start");
  await tf.ready();
  backend = tf.backend();
  return { ...taken(), version: tf.version_core };
}

async function sync() {
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
}

/**
 * A case that computes one tensor per call; the tensor of the last call is kept.
 * @param {Inputs} values @param {Record<string, readonly number[]>} shapes
 * @param {(inputs: Record<string, any>) => any} compute
 */
function oneTensor(values, shapes, compute) {
  const inputs = tensors(values, shapes);
  /** @type {any} */
  let result = null;
  return {
    run() {
      result?.dispose();
      result = tf.tidy(() => compute(inputs));
    },
    sync,
    output: () => result.data(),
    finish() {
      result?.dispose();
      for (const tensor of Object.values(inputs)) tensor.dispose();
      return {};
    },
  };
}

/** @param {Inputs} values @param {Record<string, readonly number[]>} shapes @returns {Record<string, any>} */
function tensors(values, shapes) {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, tf.tensor(values[name], shape)]));
}

/** @param {any} x @param {any} gamma @param {any} beta */
function batchNormRelu(x, gamma, beta) {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.relu(tf.batchNorm(x, mean, variance, beta, gamma, 1e-5));
}

/** @type {import("./serve.mjs").Engine["kinds"]} */
const kinds = {
  gemm: async ({ inputs, sizes: { transposeA, transposeB } }, v) =>
    oneTensor(v, inputs, ({ a, b }) => tf.matMul(a, b, transposeA === 1, transposeB === 1)),
  "conv-forward": async ({ inputs }, v) => oneTensor(v, inputs, ({ x, weight }) => tf.conv2d(x, weight, 1, "same")),
  "conv-input": async ({ inputs, sizes: { n, h, w, ci } }, v) =>
    oneTensor(v, inputs, ({ dy, weight }) =>
      runKernel("Conv2DBackpropInput", { dy, filter: weight }, { inputShape: [n, h, w, ci] }),
    ),
  "conv-weight": async ({ inputs, sizes: { k, ci, co } }, v) =>
    oneTensor(v, inputs, ({ x, dy }) => runKernel("Conv2DBackpropFilter", { x, dy }, { filterShape: [k, k, ci, co] })),
  relu: async ({ inputs }, v) => oneTensor(v, inputs, ({ x }) => tf.relu(x)),
  "channel-sums": async ({ inputs }, v) => oneTensor(v, inputs, ({ x }) => tf.sum(x, [0, 1, 2])),
  "bn-forward": async ({ inputs }, v) => oneTensor(v, inputs, ({ x, gamma, beta }) => batchNormRelu(x, gamma, beta)),
  step: prepareStep,
};

/** @param {string} name @param {Record<string, any>} inputs @param {Record<string, any>} attributes */
function runKernel(name, inputs, attributes) {
  return tf.engine().runKernel(name, inputs, { strides: [1, 1], pad: "same", dataFormat: "NHWC", ...attributes });
}

/**
 * The training step: `bench/cases.ts` says which network.
 * @param {Spec} spec @param {Inputs} values
 */
async function prepareStep({ inputs: shapes, sizes }, values) {
  const { n = 0, rate = 0, momentum = 0, last = 0, classes = 0 } = sizes;
  const flat = shapes.dense0 ?? [];
  const dense0 = flattenedAsHwc(values.dense0, flat, last);
  const all = tensors({ ...values, dense0 }, shapes);
  const { x, labels, ...rest } = all;
  const oneHot = tf.cast(tf.oneHot(tf.cast(labels, "int32"), classes), "float32");
  const p = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, tf.variable(value)]));
  const optimizer = tf.train.momentum(rate, momentum);
  const layers = Object.keys(p).filter((name) => name.startsWith("conv")).length;
  const forward = () => {
    let y = x;
    for (let i = 0; i < layers; i++) {
      y = tf.conv2d(y, p[`conv${i}`], 1, "same");
      y = tf.maxPool(batchNormRelu(y, p[`gamma${i}`], p[`beta${i}`]), 2, 2, "valid");
    }
    const hidden = tf.relu(tf.add(tf.matMul(tf.reshape(y, [n, -1]), p.dense0), p.bias0));
    const logits = tf.add(tf.matMul(hidden, p.dense1), p.bias1);
    return tf.losses.softmaxCrossEntropy(oneHot, logits);
  };
  /** @type {any[]} */
  const losses = [];
  const steps = sizes.checked ?? 1;
  return {
    run() {
      losses.push(optimizer.minimize(forward, true));
      while (losses.length > steps) losses.shift().dispose();
    },
    sync,
    async output() {
      while (losses.length < steps) this.run();
      const values = await Promise.all(losses.map((loss) => loss.data()));
      return Float32Array.from(values.flatMap((value) => [...value]));
    },
    finish() {
      const { numBytes } = tf.memory();
      tf.disposeVariables();
      optimizer.dispose();
      for (const loss of losses) loss.dispose();
      for (const tensor of [...Object.values(all), oneHot]) tensor.dispose();
      return { liveBytes: numBytes };
    },
  };
}

/**
 * Rows of the first dense layer, given in the order (c, h, w), in tfjs' order (h, w, c).
 * @param {Float32Array | undefined} weight @param {readonly number[]} shape [c*h*w, out] @param {number} channels
 */
function flattenedAsHwc(weight = new Float32Array(), [rows = 0, width = 0], channels) {
  const pixels = rows / channels;
  const out = new Float32Array(weight.length);
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < pixels; p++) {
      const from = (c * pixels + p) * width;
      out.set(weight.subarray(from, from + width), (p * channels + c) * width);
    }
  }
  return out;
}

await serve({ open, kinds });
process.exit(0);
