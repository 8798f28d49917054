import type { Device } from "../../device.js";
import type { Tape } from "../../tape.js";
import type { Tensor } from "../../tensor.js";
import { perform } from "../../tuning/operation.js";
import { project } from "../gemm/project.js";
import { channelSums } from "../reduce.js";
import { conv2dBackwardInput } from "./backwardInput.js";
import { conv2dBackwardWeight } from "./backwardWeight.js";
import { conv2dFirstBackwardInput, conv2dFirstBackwardWeight, conv2dFirstForward } from "./first.js";
import { conv2dForward, type ForwardTensors } from "./forward.js";
import { type Geometry, geometry } from "./geometry.js";

export interface Conv2dOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros around the image on each side. Default 0. */
  readonly padding?: number;
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
  const y = tape.tensor([g.n, g.oh, g.ow, weight.dim(3)], "conv2d");
  const isProduct = g.kh === 1 && g.kw === 1 && g.stride === 1 && g.pad === 0 && x.pitch > 1;
  if (isProduct) project(tape, "conv2d", { x, weight, bias, y });
  else convolve(tape, "conv2d", g, { x, weight, bias, y });
  return y;
}

/** Fills `y` and hands the backward, with or without bias, to the tape. */
export function convolve(tape: Tape, op: string, g: Geometry, tensors: ForwardTensors): void {
  const { x, weight, bias, y } = tensors;
  perform(tape.device, x.pitch === 1 ? conv2dFirstForward : conv2dForward, g, tensors);
  const memory = { reads: [x, weight] };
  if (!bias) {
    tape.record(op, { x, weight }, y, memory, (dy, out) => backward(tape.device, g, { x, weight, dy }, out));
    return;
  }
  tape.record(op, { x, weight, bias }, y, memory, (dy, out) => {
    if (out.bias) channelSums(tape, dy, out.bias);
    return { ...backward(tape.device, g, { x, weight, dy }, out), bias: out.bias };
  });
}

type Gradients = { readonly x: Tensor | null; readonly weight: Tensor | null };

function backward(
  device: Device,
  g: Geometry,
  { x, weight, dy }: { x: Tensor; weight: Tensor; dy: Tensor },
  out: Gradients,
): Gradients {
  const first = x.pitch === 1;
  if (out.x) perform(device, first ? conv2dFirstBackwardInput : conv2dBackwardInput, g, { dy, weight, dx: out.x });
  if (out.weight)
    perform(device, first ? conv2dFirstBackwardWeight : conv2dBackwardWeight, g, { x, dy, dWeight: out.weight });
  return { x: out.x, weight: out.weight };
}
