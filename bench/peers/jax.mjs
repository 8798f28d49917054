/** `@jax-js/jax` on its WebGPU device as an engine of the benchmark, each case under `jit`. Run by `bench/run/process.ts`. */
import { fromNchw, fromOihw, toNchw, toOihw } from "./layout.mjs";
import { serve } from "./serve.mjs";
import { installWebGpu } from "./webgpu.mjs";

/** @typedef {import("./serve.mjs").Spec} Spec @typedef {import("./serve.mjs").Inputs} Inputs */

/** The packages are installed on first use: their types are not known here. @param {string} name */
const load = (name) => import(name);

/** @type {Record<string, any>} the library, once it is loaded */
let jax = {};
/** @type {any} */
let np;

/** @param {{ adapter: string | null }} request */
async function open({ adapter }) {
  const { taken } = installWebGpu(adapter);
  jax = await load("@jax-js/jax");
  np = jax.numpy;
  const devices = await jax.init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("its WebGPU device does not start");
  jax.defaultDevice("webgpu");
  return { ...taken(), version: await version() };
}

async function version() {
  const { createRequire } = await import("node:module");
  const { readFileSync } = await import("node:fs");
  const { dirname, join } = await import("node:path");
  const main = createRequire(import.meta.url).resolve("@jax-js/jax");
  return JSON.parse(readFileSync(join(dirname(main), "../package.json"), "utf8")).version;
}

/** Results that may stay unfinished: each keeps its memory. */
const mostPending = 16;

/**
 * jax-js is lazy: what nobody asks for is never computed. The results of calls wait here until they are asked for, together.
 */
class Results {
  /** @type {any[]} */
  all = [];

  /** @param {any} result @returns {Promise<void> | undefined} */
  add(result) {
    this.all.push(result);
    return this.all.length > mostPending ? this.finish() : undefined;
  }

  /** Waits for all of them and keeps the last `kept`. */
  async finish(kept = 1) {
    await Promise.all(this.all.map((result) => jax.blockUntilReady(result)));
    await jax.getWebGPUDevice().queue.onSubmittedWorkDone();
    for (const result of this.all.splice(0, Math.max(0, this.all.length - kept))) result.dispose();
  }

  dispose() {
    for (const result of this.all.splice(0)) result.dispose();
  }
}

/** @param {Float32Array} values @param {readonly number[]} shape */
const array = (values, shape) => np.array(values).reshape([...shape]);

/** @param {readonly number[]} shape [N,H,W,C] @returns {number[]} */
const nchw = ([n = 0, h = 0, w = 0, c = 0]) => [n, c, h, w];
/** @param {readonly number[]} shape [KH,KW,I,O] @returns {number[]} */
const oihw = ([kh = 0, kw = 0, i = 0, o = 0]) => [o, i, kh, kw];

/**
 * Inputs as arrays: images NCHW, convolution weights [O,I,KH,KW].
 * @param {Inputs} values @param {Record<string, readonly number[]>} shapes
 * @returns {Record<string, any>}
 */
function arrays(values, shapes) {
  const made = Object.entries(shapes).map(([name, shape]) => {
    const value = values[name] ?? new Float32Array();
    if (shape.length !== 4) return [name, array(value, shape)];
    const weight = name === "weight" || name.startsWith("conv");
    return [name, weight ? array(toOihw(value, shape), oihw(shape)) : array(toNchw(value, shape), nchw(shape))];
  });
  return Object.fromEntries(made);
}

/**
 * A case of one jitted function of some inputs; the result of the last call is kept.
 * @param {Spec} spec @param {Inputs} values @param {string[]} names of the inputs, in the order of the arguments
 * @param {(...inputs: any[]) => any} compute
 * @param {(values: Float32Array, shape: readonly number[]) => Float32Array} [back] to the layout of the protocol
 */
function jitted({ inputs: shapes }, values, names, compute, back = (v) => v) {
  const inputs = arrays(values, shapes);
  const f = jax.jit(compute);
  const results = new Results();
  return {
    run: () => results.add(f(...names.map((name) => inputs[name].ref))),
    sync: () => results.finish(),
    async output() {
      const result = results.all.at(-1);
      return back(Float32Array.from(await result.ref.data()), result.shape);
    },
    finish() {
      results.dispose();
      for (const input of Object.values(inputs)) input.dispose();
      f.dispose();
      return {};
    },
  };
}

/** @param {any} x @param {any} weight */
const conv = (x, weight) => jax.lax.convGeneralDilated(x, weight, [1, 1], "SAME");

/** Batch norm with batch statistics, and ReLU. @param {any} x [N,C,H,W] @param {any} gamma [C] @param {any} beta [C] */
function batchNormRelu(x, gamma, beta) {
  const mean = np.mean(x.ref, [0, 2, 3], { keepdims: true });
  const centred = x.sub(mean);
  const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
  const scale = gamma.reshape([1, -1, 1, 1]).div(np.sqrt(variance.add(1e-5)));
  return jax.nn.relu(centred.mul(scale).add(beta.reshape([1, -1, 1, 1])));
}

/** @param {any} loss gives a function of one input its gradient @param {any} dy */
const pullBack = (loss, dy) => (/** @type {any} */ v) => np.sum(loss(v).mul(dy));

/** @type {import("./serve.mjs").Engine["kinds"]} */
const kinds = {
  gemm: async (spec, v) => {
    const turned = (/** @type {any} */ x, /** @type {number | undefined} */ turn) => (turn === 1 ? np.transpose(x) : x);
    const { transposeA, transposeB } = spec.sizes;
    return jitted(spec, v, ["a", "b"], (a, b) => np.matmul(turned(a, transposeA), turned(b, transposeB)));
  },
  "conv-forward": async (spec, v) => jitted(spec, v, ["x", "weight"], conv, fromNchw),
  "conv-input": async (spec, v) => {
    const { n = 0, h = 0, w = 0, ci = 0 } = spec.sizes;
    // Linear in x: where the gradient is taken does not matter, and the forward pass is dead code under jit.
    const dx = (/** @type {any} */ dy, /** @type {any} */ weight) =>
      jax.grad((/** @type {any} */ x) => np.sum(conv(x, weight).mul(dy)))(np.zeros([n, ci, h, w]));
    return jitted(spec, v, ["dy", "weight"], dx, fromNchw);
  },
  "conv-weight": async (spec, v) => {
    const { k = 0, ci = 0, co = 0 } = spec.sizes;
    const dw = (/** @type {any} */ x, /** @type {any} */ dy) =>
      jax.grad((/** @type {any} */ weight) => np.sum(conv(x, weight).mul(dy)))(np.zeros([co, ci, k, k]));
    return jitted(spec, v, ["x", "dy"], dw, fromOihw);
  },
  relu: async (spec, v) => jitted(spec, v, ["x"], (x) => jax.nn.relu(x), fromNchw),
  "channel-sums": async (spec, v) => jitted(spec, v, ["x"], (x) => np.sum(x, [0, 2, 3])),
  "bn-forward": async (spec, v) => jitted(spec, v, ["x", "gamma", "beta"], batchNormRelu, fromNchw),
  "bn-backward": async (spec, v) => {
    const dx = (/** @type {any} */ x, /** @type {any} */ gamma, /** @type {any} */ beta, /** @type {any} */ dy) =>
      jax.grad(pullBack((/** @type {any} */ t) => batchNormRelu(t, gamma, beta), dy))(x);
    return jitted(spec, v, ["x", "gamma", "beta", "dy"], dx, fromNchw);
  },
  step: prepareStep,
};

/**
 * The training step: `bench/cases.ts` says which network. One jitted function from parameters and velocities to new ones.
 * @param {Spec} spec @param {Inputs} values
 */
async function prepareStep({ inputs: shapes, sizes }, values) {
  const { n = 0, rate = 0, momentum = 0, classes = 0, checked = 1 } = sizes;
  const { x, labels, ...parameters } = arrays(values, shapes);
  const oneHot = jax.nn.oneHot(labels.astype(np.int32), classes).astype(np.float32);
  const layers = Object.keys(parameters).filter((name) => name.startsWith("conv")).length;
  /** @param {Record<string, any>} p @param {any} image @param {any} target */
  const lossOf = (p, image, target) => {
    let y = image;
    for (let i = 0; i < layers; i++) {
      y = batchNormRelu(conv(y, p[`conv${i}`]), p[`gamma${i}`], p[`beta${i}`]);
      y = jax.lax.reduceWindow(y, np.max, [2, 2], [2, 2]);
    }
    const hidden = jax.nn.relu(np.matmul(y.reshape([n, -1]), p.dense0).add(p.bias0));
    const logits = np.matmul(hidden, p.dense1).add(p.bias1);
    return np.sum(jax.nn.logSoftmax(logits).mul(target)).mul(-1 / n);
  };
  const update = jax.jit(
    (/** @type {any} */ p, /** @type {any} */ v, /** @type {any} */ image, /** @type {any} */ target) => {
      const [loss, gradients] = jax.valueAndGrad(lossOf)(jax.tree.ref(p), image, target);
      const velocity = jax.tree.map(
        (/** @type {any} */ a, /** @type {any} */ g) => a.mul(momentum).add(g),
        v,
        gradients,
      );
      const next = jax.tree.map(
        (/** @type {any} */ a, /** @type {any} */ b) => a.sub(b.mul(rate)),
        p,
        jax.tree.ref(velocity),
      );
      return [loss, next, velocity];
    },
  );
  let p = parameters;
  let v = Object.fromEntries(Object.entries(p).map(([name, value]) => [name, np.zeros(value.shape)]));
  const losses = new Results();
  return {
    run() {
      const [loss, next, velocity] = update(p, v, x.ref, oneHot.ref);
      [p, v] = [next, velocity];
      return losses.add(loss);
    },
    sync: () => losses.finish(checked),
    async output() {
      while (losses.all.length < checked) this.run();
      const all = [];
      for (const loss of losses.all) all.push(...(await loss.ref.data()));
      return Float32Array.from(all);
    },
    finish() {
      losses.dispose();
      for (const value of [...Object.values(p), ...Object.values(v), x, oneHot]) value.dispose();
      update.dispose();
      return {};
    },
  };
}

await serve({ open, kinds });
process.exit(0);
