import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fnv1a, mulberry32 } from "../../engine/rng.js";
import { type RawTensor, readSafetensors } from "../../models/safetensors.js";

/**
 * Reference runs of whole networks (`test/fixtures/oracle/networks/<tag>`), their seeded weights and images, and the
 * digests that stand for tensors too large to ship. Checks against them are in `oracleChecks.ts`.
 */

/** Summary of a tensor in torch's element order; `dot` is with the seeded vector `digestVector`. */
export interface Digest {
  n: number;
  sum: number;
  l2: number;
  maxabs: number;
  dot: number;
  first: number[];
  last: number[];
}

/** A gradient of the f32 run, with its distance from the f64 run (both PyTorch). */
export interface GradientDigest extends Digest {
  digest_f64: Digest;
  abs_err_l2_f32_vs_f64: number;
  structurally_zero?: boolean;
}

export interface OracleStep {
  step: number;
  logits_train: number[][];
  logits_train_f64: number[][];
  loss_train: number;
  loss_train_f64: number;
  /** Names that get no gradient and stay as they were, without weight decay. */
  params_without_grad: string[];
  grads: Record<string, GradientDigest>;
  params_after: Record<string, Digest>;
  buffers_after: Record<string, Digest>;
  param_max_abs_err_f32_vs_f64: number;
}

/**
 * One network's run: eval forward; train forward + backward; SGD; the same again; eval forward.
 * Shapes are torch's ([N, C, H, W]); a multi-scale network has two inputs, the big one first.
 */
export interface OracleNetwork {
  model: string;
  prng_tag: string;
  params_total: number;
  batch: number;
  input_shapes: number[][];
  labels: number[];
  sgd: { lr: number; momentum: number; weight_decay: number; nesterov: boolean };
  logits_eval: number[][];
  logits_eval_f64: number[][];
  features_eval?: Digest;
  steps: OracleStep[];
  logits_eval_after_step2?: number[][];
}

/** Names and torch shapes in torch order. */
export type StateShapes = readonly (readonly [name: string, shape: readonly number[]])[];

const FIXTURES = new URL("../fixtures/", import.meta.url);

/** A file of `test/fixtures`, unzipped when its name ends in `.gz`. */
export function readFixture(path: string): Buffer {
  const bytes = readFileSync(new URL(path, FIXTURES));
  return path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

/** A safetensors file of `test/fixtures`. */
export function readFixtureTensors(path: string): Map<string, RawTensor> {
  return readSafetensors(readFixture(path), path);
}

/** The run of a tag in `test/fixtures/oracle/networks`, for example `vgg19_ss_128`. */
export function oracleNetwork(tag: string): OracleNetwork {
  return JSON.parse(readFixture(`oracle/networks/${tag}/results.json.gz`).toString());
}

/** Names and shapes of a model's state_dict: `vgg19`, `ms-vgg19`, `hrnet-small-v1`, ... */
export function oracleShapes(model: string): StateShapes {
  return JSON.parse(readFixture(`oracle/state_dicts/${model}.json`).toString());
}

/**
 * The weights and buffers a reference run starts from, in torch's layout: value k of tensor `name` is
 * `fround((2 u_k - 1) * bound + centre)`, `u = mulberry32(fnv1a(tag + "/" + name))`; `num_batches_tracked` is 0.
 */
export function oracleWeights(tag: string, shapes: StateShapes): Map<string, RawTensor> {
  const names = new Set(shapes.map(([name]) => name));
  const weights = new Map<string, RawTensor>();
  for (const [name, shape] of shapes) {
    if (name.endsWith(".num_batches_tracked")) {
      weights.set(name, { dtype: "I64", shape: [], data: new BigInt64Array(1) });
      continue;
    }
    const [centre, bound] = distribution(tag, name, shape, names);
    const next = mulberry32(fnv1a(`${tag}/${name}`));
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let k = 0; k < data.length; k++) data[k] = (2 * next() - 1) * bound + centre;
    weights.set(name, { dtype: "F32", shape: [...shape], data });
  }
  return weights;
}

/** Centre and half-width of the uniform distribution of one tensor. */
function distribution(tag: string, name: string, shape: readonly number[], names: Set<string>): [number, number] {
  if (name.endsWith(".running_var")) return [1, 0.2];
  if (!name.endsWith(".weight")) return [0, 0.1];
  const [out = 1, inputs = 1, kh = 1, kw = 1] = shape;
  if (shape.length === 4) return [0, Math.sqrt(6 / (out * kh * kw))];
  if (shape.length === 2) return [0, Math.sqrt(3 / inputs)];
  return tag.includes("w18") && endsBranch(name, names) ? [0.25, 0.05] : [1, 0.2];
}

/** Whether a batch norm's output is added to another branch: the last of a residual block, or of a fuse layer. */
function endsBranch(name: string, names: Set<string>): boolean {
  if (name.includes("fuse_layers.")) return true;
  const block = name.match(/^(.+\.\d+)\.bn([23])\.weight$/);
  return block !== null && !names.has(`${block[1]}.bn${Number(block[2]) + 1}.weight`);
}

const OFFSET = [0.1, 0.3, 0, 0.2];
const AMPLITUDE = [0.8, 0.3, 0.5, 0.6];
const BLOCK_SIDE = [1, 4, 8, 16];

/** Seeded images [batch, 1, height, width]: noise in blocks of 1, 4, 8 or 16 pixels plus noise per pixel. */
export function oracleImages(tag: string, batch: number, height: number, width: number): Float32Array {
  const images = new Float32Array(batch * height * width);
  for (let b = 0; b < batch; b++) {
    const [offset, amplitude, side] = [OFFSET[b % 4]!, AMPLITUDE[b % 4]!, BLOCK_SIDE[b % 4]!];
    const columns = Math.ceil(width / side);
    const nextBlock = mulberry32(fnv1a(`${tag}/blk${b}`));
    const blocks = Float64Array.from({ length: Math.ceil(height / side) * columns }, nextBlock);
    const nextPixel = mulberry32(fnv1a(`${tag}/img${b}`));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const block = blocks[Math.floor(y / side) * columns + Math.floor(x / side)]!;
        images[(b * height + y) * width + x] = offset + amplitude * (0.8 * block + 0.2 * nextPixel());
      }
    }
  }
  return images;
}

/** The central half of each image [batch, 1, height, width]: the small scale of a multi-scale network. */
export function centralHalf(images: Float32Array, batch: number, height: number, width: number): Float32Array {
  const [h, w] = [height / 2, width / 2];
  const [top, left] = [Math.floor((height - h) / 2), Math.floor((width - w) / 2)];
  const half = new Float32Array(batch * h * w);
  for (let row = 0; row < batch * h; row++) {
    const start = (Math.floor(row / h) * height + top + (row % h)) * width + left;
    half.set(images.subarray(start, start + w), row * w);
  }
  return half;
}

/** All inputs of a run, big scale first, each [batch, 1, H, W]. */
export function oracleInputs(network: OracleNetwork): { shape: number[]; data: Float32Array }[] {
  return network.input_shapes.map((shape, scale) => {
    const [batch, , height, width] = network.input_shapes[0] as [number, number, number, number];
    const big = oracleImages(network.prng_tag, batch, height, width);
    return { shape, data: scale === 0 ? big : centralHalf(big, batch, height, width) };
  });
}

let signs = new Float64Array(0);

/** The first n of r_k = 2 mulberry32(fnv1a("digest"))_k - 1, the vector of every digest's `dot`. */
export function digestVector(n: number): Float64Array {
  if (signs.length < n) {
    const next = mulberry32(fnv1a("digest"));
    signs = Float64Array.from({ length: n }, () => 2 * next() - 1);
  }
  return signs.subarray(0, n);
}

/** The digest of a tensor in torch's element order; NaN anywhere makes every field NaN. */
export function digest(values: ArrayLike<number>): Digest {
  const r = digestVector(values.length);
  let [sum, squares, dot, maxabs] = [0, 0, 0, 0];
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!;
    sum += value;
    squares += value * value;
    dot += value * r[k]!;
    maxabs = Math.max(maxabs, Math.abs(value));
  }
  const n = values.length;
  const pick = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => values[from + k]!);
  const l2 = Math.sqrt(squares);
  return { n, sum, l2, maxabs, dot, first: pick(0, Math.min(4, n)), last: pick(Math.max(0, n - 2), n) };
}
