/**
 * What is measured: shapes, analytic floating-point operations and bytes, and the engines that are asked. Inputs are NHWC, weights
 * [KH,KW,I,O]; operations count two per multiply-add, bytes are those that the computation must read and write at least.
 */

export const engineNames = [
  "equipoise",
  "tfjs-webgpu",
  "jax-js",
  "torch-cpu",
  "torch-cpu-nhwc",
  "skimage-cpu",
] as const;
export type EngineName = (typeof engineNames)[number];

export interface BenchCase {
  readonly name: string;
  /** What it is, for `--help` and the table. */
  readonly title: string;
  /** What engines know how to prepare. */
  readonly kind: string;
  readonly sizes: Readonly<Record<string, number>>;
  /** The model of an IPB step. */
  readonly model?: string;
  /** Shapes of the inputs by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Floating-point operations of one call; null: not counted. */
  readonly flops: number | null;
  /** Bytes of one call, for cases that memory bounds; null where arithmetic does. */
  readonly bytes: number | null;
  /** Largest deviation from our result, as a share of its largest value; null: there is no result to compare. */
  readonly tolerance: number | null;
  /** Share of the result that may deviate more: elements where a ReLU decides otherwise because its input is zero but for rounding. */
  readonly flips: number;
  /** Engines that may be asked. */
  readonly engines: readonly EngineName[];
  /** Each sample is a process of its own; `cold`: with an empty cache of compiled shaders. */
  readonly process?: "cold" | "warm";
}

const ours: readonly EngineName[] = ["equipoise"];
const tensorEngines: readonly EngineName[] = engineNames.filter((name) => name !== "skimage-cpu");
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

type Part = Pick<BenchCase, "name" | "title"> & Partial<BenchCase>;
const make = (kind: string, part: Part): BenchCase => ({
  kind,
  sizes: {},
  inputs: {},
  flops: null,
  bytes: null,
  tolerance: 1e-4,
  flips: 0,
  engines: tensorEngines,
  ...part,
});

/** A [m,k] times B [k,n]; the letters of `layout` say how they lie in memory: n as they are, t transposed. */
export function gemm(name: string, m: number, n: number, k: number, layout: "nn" | "nt" | "tn" = "nn"): BenchCase {
  const [transposeA, transposeB] = [Number(layout === "tn"), Number(layout === "nt")];
  return make("gemm", {
    name,
    title: `matrix product ${m} x ${k} x ${n}${layout === "nn" ? "" : `, layout ${layout}`}`,
    sizes: { m, n, k, transposeA, transposeB },
    inputs: { a: transposeA ? [k, m] : [m, k], b: transposeB ? [n, k] : [k, n] },
    flops: 2 * m * n * k,
  });
}

export interface ConvSizes {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly ci: number;
  readonly co: number;
  readonly k: number;
}

const passes = {
  "conv-forward": { text: "forward", inputs: ["x", "weight"] },
  "conv-input": { text: "input gradient", inputs: ["dy", "weight"] },
  "conv-weight": { text: "filter gradient", inputs: ["x", "dy"] },
} as const;

/** One pass of a k x k convolution with stride 1 that keeps the size. */
export function conv(name: string, kind: keyof typeof passes, s: ConvSizes): BenchCase {
  const shapes = { x: [s.n, s.h, s.w, s.ci], weight: [s.k, s.k, s.ci, s.co], dy: [s.n, s.h, s.w, s.co] };
  const { text, inputs } = passes[kind];
  return make(kind, {
    name,
    title: `convolution ${s.k}x${s.k}, ${s.n}x${s.h}x${s.w}, ${s.ci} -> ${s.co}, ${text}`,
    sizes: { ...s },
    inputs: Object.fromEntries(inputs.map((input) => [input, shapes[input]])),
    flops: 2 * s.n * s.h * s.w * s.k * s.k * s.ci * s.co,
  });
}

type Streaming = {
  name: string;
  kind: string;
  text: string;
  moved: number;
  inputs?: readonly string[];
  shape: number[];
};

/** A computation over one image tensor; `moved`: how often the tensor is read or written at least. */
export function streaming({ name, kind, text, moved, inputs = [], shape }: Streaming): BenchCase {
  const channels = shape.at(-1) ?? 1;
  const vectors = inputs.map((input) => [input, input === "dy" ? shape : [channels]]);
  return make(kind, {
    name,
    title: `${text}, ${shape.join("x")}`,
    inputs: { x: shape, ...Object.fromEntries(vectors) },
    bytes: moved * product(shape) * 4,
    flips: inputs.includes("dy") ? 1e-5 : 0,
  });
}

/** The network of the training step: k x k convolutions, each with batch norm, ReLU and 2x2 max pool, then two dense layers. */
export interface StepNet {
  readonly channels: readonly number[];
  readonly side: number;
  readonly hidden: number;
  readonly classes: number;
}

/** The step to beat: 64x64x1 -> 16, 32, 64, 64, dense 128, dense 4. */
export const stepNet: StepNet = { channels: [16, 32, 64, 64], side: 64, hidden: 128, classes: 4 };

/**
 * Forward, backward and SGD with momentum .9 on a batch of n. Compared are the losses of the first four steps, so that a wrong
 * gradient or update shows.
 */
export function step(name: string, n: number, net: StepNet = stepNet, part: Partial<BenchCase> = {}): BenchCase {
  const { channels, side, hidden, classes } = net;
  const inputs: Record<string, readonly number[]> = { x: [n, side, side, 1], labels: [n] };
  let [size, before, flops] = [side, 1, 0];
  channels.forEach((c, i) => {
    Object.assign(inputs, { [`conv${i}`]: [3, 3, before, c], [`gamma${i}`]: [c], [`beta${i}`]: [c] });
    // Forward, filter gradient, and input gradient of all layers but the first.
    flops += (i === 0 ? 2 : 3) * 2 * n * size * size * 9 * before * c;
    [size, before] = [Math.floor(size / 2), c];
  });
  const flat = size * size * before;
  flops += 3 * 2 * n * (flat * hidden + hidden * classes);
  Object.assign(inputs, { dense0: [flat, hidden], bias0: [hidden], dense1: [hidden, classes], bias1: [classes] });
  return make("step", {
    name,
    title: `training step of a ${channels.length}-convolution network, batch ${n}`,
    sizes: { n, classes, last: before, rate: 0.02, momentum: 0.9, checked: 4 },
    inputs,
    flops,
    tolerance: 2e-3,
    ...part,
  });
}

const conv64: ConvSizes = { n: 8, h: 32, w: 32, ci: 64, co: 64, k: 3 };
const first: ConvSizes = { n: 32, h: 64, w: 64, ci: 1, co: 16, k: 3 };
const image16MB = [16, 64, 64, 64];

/** An IPB step: teacher and student on a batch, as training does it. */
function ipb(name: string, model: string): BenchCase {
  return make("ipb-step", {
    name,
    title: `IPB step of ${model} at preset small`,
    model,
    tolerance: null,
    engines: ours,
  });
}

/** Side of a well, px. */
const wellSide = 2908;

/** A stage of colony detection, or all of it, on a synthetic well. Results are whole numbers and must be the same; entropies are real. */
function detection(kind: string, text: string): BenchCase {
  return make(kind, {
    name: kind,
    title: `colony detection of a ${wellSide}x${wellSide} well: ${text}`,
    sizes: { side: wellSide },
    inputs: { well: [wellSide, wellSide] },
    tolerance: kind === "detect-entropy" ? 1e-6 : 0,
    engines: ["equipoise", "skimage-cpu"],
  });
}

const firstStep = { tolerance: null, engines: ours } as const;

/** All cases, in the order of the table. */
export const benchCases: readonly BenchCase[] = [
  make("peak-fma", {
    name: "peak-fma",
    title: "the adapter's multiply-adds: 12 independent chains",
    tolerance: 1e-4,
    engines: ours,
  }),
  make("copy", {
    name: "copy",
    title: "the adapter's bandwidth: copy of 64 MB",
    sizes: { floats: 2 ** 24 },
    bytes: 2 * 2 ** 26,
    tolerance: 0,
    engines: ["equipoise", "torch-cpu"],
  }),
  gemm("gemm-512", 512, 512, 512),
  gemm("gemm-nt-512", 512, 512, 512, "nt"),
  gemm("gemm-tn-512", 512, 512, 512, "tn"),
  gemm("gemm-1024", 1024, 1024, 1024),
  conv("conv-fwd", "conv-forward", conv64),
  conv("conv-dgrad", "conv-input", conv64),
  conv("conv-wgrad", "conv-weight", conv64),
  conv("first-fwd", "conv-forward", first),
  conv("first-wgrad", "conv-weight", first),
  streaming({ name: "stream", kind: "relu", text: "ReLU", moved: 2, shape: image16MB }),
  streaming({ name: "reduce", kind: "channel-sums", text: "sums per channel", moved: 1, shape: image16MB }),
  streaming({
    name: "bn-fwd",
    kind: "bn-forward",
    text: "batch norm and ReLU, forward",
    moved: 3,
    inputs: ["gamma", "beta"],
    shape: image16MB,
  }),
  streaming({
    name: "bn-bwd",
    kind: "bn-backward",
    text: "batch norm and ReLU, backward",
    moved: 5,
    inputs: ["gamma", "beta", "dy"],
    shape: image16MB,
  }),
  step("step", 32),
  ...[8, 16, 32, 64, 128].map((n) => step(`step-batch-${n}`, n, stepNet, { engines: ours, tolerance: null })),
  ipb("ipb-step", "ms-vgg19"),
  ipb("ipb-step-hrnet", "ms-hrnet-small-v1"),
  detection("detect", "all, order text, from grey values to the mask, boxes and measures"),
  detection("detect-code", "all, order code"),
  detection("detect-blur", "Gaussian blur 3x3"),
  detection("detect-entropy", "local entropy, disk of radius 3"),
  detection("detect-rescale", "entropy to grey values"),
  detection("detect-otsu", "Otsu's threshold and the mask above it"),
  detection("detect-opening", "binary opening, disk of radius 3"),
  detection("detect-grey-opening", "grey opening, disk of radius 3"),
  detection("detect-fill", "filling holes"),
  detection("detect-small", "removing objects below 2000 px"),
  detection("detect-label", "labels, boxes, areas and mean intensities"),
  step("first-step-cold", 32, stepNet, { ...firstStep, kind: "first-step", process: "cold", flops: null }),
  step("first-step-warm", 32, stepNet, { ...firstStep, kind: "first-step", process: "warm", flops: null }),
];
