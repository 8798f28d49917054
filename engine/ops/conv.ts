import type { Device } from "../device.js";
import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { fold, itemGrid, reducePartials, splitRows, workShape } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";
import { channelSums } from "./reduce.js";

export interface Conv2dOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros around the image on each side. Default 0. */
  readonly padding?: number;
}

interface Geometry {
  n: number;
  h: number;
  w: number;
  ci: number;
  ci4: number;
  oh: number;
  ow: number;
  co4: number;
  kh: number;
  kw: number;
  stride: number;
  pad: number;
}

/**
 * 2-D convolution (cross-correlation, as torch's `conv2d`), NHWC.
 * @param x [N,H,W,I] @param weight [KH,KW,I,O] @param bias [O] or null
 * @returns [N, (H+2p-KH)/s+1, (W+2p-KW)/s+1, O], floor division
 * @throws ShapeError naming both shapes.
 */
export function conv2d(
  tape: Tape,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: Conv2dOptions = {},
): Tensor {
  const g = geometry(x, weight, bias, options.stride ?? 1, options.padding ?? 0);
  const device = tape.device;
  const y = tape.tensor([g.n, g.oh, g.ow, weight.dim(3)], "conv2d");
  forward(device, g, x, weight, bias, y);
  record(tape, "conv2d", g, { x, weight, bias, y });
  return y;
}

/**
 * Fully connected layer: y = x * weight + bias, a 1x1 convolution on a 1x1 image.
 * @param x [N,I] @param weight [1,1,I,O] @param bias [O] @returns [N,O]
 */
export function linear(tape: Tape, x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const [n, i, o] = [x.dim(0), x.dim(1), weight.dim(3)];
  if (x.shape.length !== 2) throw new ShapeError(`linear: x has shape ${formatShape(x.shape)}, expected [N,I]`);
  const g = geometry(x.view([n, 1, 1, i]), weight, bias, 1, 0);
  const y = tape.tensor([n, o], "linear");
  forward(tape.device, g, x, weight, bias, y);
  record(tape, "linear", g, { x, weight, bias, y });
  return y;
}

function forward(device: Device, g: Geometry, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor): void {
  const bindings = { x, weight, bias: bias ?? weight, y };
  const has_bias = bias ? 1 : 0;
  const { grid, constants } = pixelGrid(device, g.n * g.oh * g.ow, g.co4);
  if (x.pitch === 1) device.run(kernels.conv2dFirstForward, bindings, { ...g, has_bias }, grid, constants);
  else
    device.run(
      broadcasts(device) ? kernels.conv2dForwardSubgroup : kernels.conv2dForward,
      bindings,
      { ...g, has_bias },
      grid,
      constants,
    );
}

/** Hands the backward of a convolution, with or without bias, to the tape. */
function record(
  tape: Tape,
  op: string,
  g: Geometry,
  { x, weight, bias, y }: { x: Tensor; weight: Tensor; bias: Tensor | null; y: Tensor },
): void {
  if (!bias) {
    tape.record(op, { x, weight }, y, [], (dy, out) => backward(tape, g, x, weight, dy, out));
    return;
  }
  tape.record(op, { x, weight, bias }, y, [], (dy, out) => {
    if (out.bias) channelSums(tape, dy, out.bias);
    return { ...backward(tape, g, x, weight, dy, out), bias: out.bias };
  });
}

type ConvDestinations = { readonly x: Tensor | null; readonly weight: Tensor | null };

function backward(
  tape: Tape,
  g: Geometry,
  x: Tensor,
  weight: Tensor,
  dy: Tensor,
  out: ConvDestinations,
): ConvDestinations {
  if (out.x) backwardInput(tape.device, g, dy, weight, out.x);
  if (out.weight) backwardWeight(tape, g, x, dy, out.weight);
  return { x: out.x, weight: out.weight };
}

function backwardInput(device: Device, g: Geometry, dy: Tensor, weight: Tensor, dx: Tensor): void {
  const pixels = g.n * g.h * g.w;
  if (dx.pitch === 1) {
    const { grid, constants } = itemGrid(device, pixels);
    device.run(kernels.conv2dFirstBackwardInput, { dy, weight, dx }, g, grid, constants);
    return;
  }
  const { grid, constants } = pixelGrid(device, pixels, g.ci4);
  device.run(
    broadcasts(device) ? kernels.conv2dBackwardInputSubgroup : kernels.conv2dBackwardInput,
    { dy, weight, dx },
    g,
    grid,
    constants,
  );
}

function backwardWeight(tape: Tape, g: Geometry, x: Tensor, dy: Tensor, dWeight: Tensor): void {
  const device = tape.device;
  const first = x.pitch === 1;
  const tiles = first ? g.co4 * Math.ceil(g.kw / 3) * g.kh : g.kh * g.kw * Math.ceil(g.ci4 / 2) * Math.ceil(g.co4 / 2);
  const { splits, rowsPerSplit } = splitRows(device, g.n * g.oh, tiles, mostSplits(device, dWeight));
  const partials = splits === 1 ? dWeight : tape.tensor([splits, dWeight.paddedSize], "conv2d dWeight partials");
  const { grid, constants } = itemGrid(device, tiles * splits);
  const params = { ...g, tiles, splits, rows_per_split: rowsPerSplit };
  device.run(
    first ? kernels.conv2dFirstBackwardWeight : kernels.conv2dBackwardWeight,
    { x, dy, partials },
    params,
    grid,
    constants,
  );
  if (splits === 1) return;
  reducePartials(device, partials, dWeight, splits);
  tape.discard(partials);
}

/** Partial sums must fit one binding; a quarter of it keeps the pool small. */
function mostSplits(device: Device, dWeight: Tensor): number {
  return Math.max(1, Math.floor(device.limits.maxStorageBufferBindingSize / 4 / dWeight.bytes));
}

/** The broadcast kernels need whole subgroups of 8 lanes or more. */
function broadcasts(device: Device): boolean {
  return (
    device.gpu.features.has("subgroups" as GPUFeatureName) &&
    device.info.subgroupMinSize >= 8 &&
    device.info.subgroupMinSize <= 64
  );
}

/** One invocation per 4 pixels (folded over x and z) x 8 channels (y). */
function pixelGrid(
  device: Device,
  pixels: number,
  channels4: number,
): { grid: [number, number, number]; constants: { WG: number } } {
  const WG = Math.max(workShape(device).threads, broadcasts(device) ? device.info.subgroupMaxSize : 0);
  const [x, z] = fold(Math.ceil(pixels / (4 * WG)));
  return { grid: [x, Math.ceil(channels4 / 2), z], constants: { WG } };
}

function geometry(x: Tensor, weight: Tensor, bias: Tensor | null, stride: number, pad: number): Geometry {
  const [xs, ws] = [formatShape(x.shape), formatShape(weight.shape)];
  if (x.shape.length !== 4 || weight.shape.length !== 4)
    throw new ShapeError(`conv2d: x ${xs} must be [N,H,W,I], weight ${ws} [KH,KW,I,O]`);
  if (weight.dim(2) !== x.dim(3)) {
    throw new ShapeError(
      `conv2d: weight expects ${weight.dim(2)} input channels, x has ${x.dim(3)} (x ${xs}, weight ${ws})`,
    );
  }
  if (weight.dim(3) < 2) throw new ShapeError(`conv2d: weight ${ws} has one output channel, at least 2 are supported`);
  if (bias && (bias.shape.length !== 1 || bias.dim(0) !== weight.dim(3))) {
    throw new ShapeError(`conv2d: bias ${formatShape(bias.shape)} does not fit weight ${ws}`);
  }
  const [n, h, w, kh, kw] = [x.dim(0), x.dim(1), x.dim(2), weight.dim(0), weight.dim(1)];
  const oh = Math.floor((h + 2 * pad - kh) / stride) + 1;
  const ow = Math.floor((w + 2 * pad - kw) / stride) + 1;
  if (oh < 1 || ow < 1) throw new ShapeError(`conv2d: kernel ${kh}x${kw} is larger than x ${xs} with padding ${pad}`);
  return { n, h, w, ci: x.dim(3), ci4: Math.ceil(x.pitch / 4), oh, ow, co4: weight.pitch / 4, kh, kw, stride, pad };
}
