import type { Tape } from "../../tape.js";
import type { Tensor } from "../../tensor.js";
import { channelSums } from "../reduce.js";
import { multiply } from "./gemm.js";

/**
 * y = x * weight + bias over the last axis, with its gradients: a linear layer, and a 1x1 convolution of stride 1, whose
 * pixels are rows.
 * @param tensors x [...,I], weight [1,1,I,O], bias [O] or null, y [...,O] to be filled; I and O are 2 or more
 */
export function project(
  tape: Tape,
  op: string,
  { x, weight, bias, y }: { x: Tensor; weight: Tensor; bias: Tensor | null; y: Tensor },
): void {
  const device = tape.device;
  const [rows, i, o] = [y.rows, x.dim(-1), y.dim(-1)];
  multiply(device, "nn", { m: rows, n: o, k: i }, { a: x, b: weight, bias, out: y });
  const backward = (dy: Tensor, out: { x: Tensor | null; weight: Tensor | null }) => {
    if (out.x) multiply(device, "nt", { m: rows, n: i, k: o }, { a: dy, b: weight, out: out.x });
    if (out.weight) multiply(device, "tn", { m: i, n: o, k: rows }, { a: x, b: dy, out: out.weight });
    return { x: out.x, weight: out.weight };
  };
  const memory = { reads: [x, weight] };
  if (!bias) {
    tape.record(op, { x, weight }, y, memory, backward);
    return;
  }
  tape.record(op, { x, weight, bias }, y, memory, (dy, out) => {
    if (out.bias) channelSums(tape, dy, out.bias);
    return { ...backward(dy, out), bias: out.bias };
  });
}
