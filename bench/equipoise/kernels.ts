import { batchNorm, conv2d, type Device, matmul, relu, sumRows, Tape, type Tensor } from "../../engine/index.js";
import type { Inputs, Prepared, Spec } from "../peers/serve.mjs";
import { recorded, releaseAll, replay } from "./record.js";

/** Cases of one operation, each through the engine's own ops; what is timed are the dispatches that they made. */

type Tensors = Readonly<Record<string, Tensor>>;
type Prepare = (device: Device, spec: Spec, values: Inputs) => Promise<Prepared>;

/** Tensors of a case's inputs; the caller releases them. */
export function inputTensors(device: Device, { inputs }: Pick<Spec, "inputs">, values: Inputs): Tensors {
  const made = Object.entries(inputs).map(([name, shape]) => {
    const value = values[name];
    if (!value) throw new Error(`no values for the input "${name}"`);
    return [name, device.fromValues(value, shape, name)];
  });
  return Object.fromEntries(made);
}

/** A case that computes one tensor from the inputs. */
function forward(compute: (tape: Tape, inputs: Tensors, sizes: Spec["sizes"]) => Tensor): Prepare {
  return async (device, spec, values) => {
    const inputs = inputTensors(device, spec, values);
    const tape = Tape.inference(device);
    const made: Tensor[] = [];
    const dispatches = recorded(device, () => made.push(tape.keep(compute(tape, inputs, spec.sizes))));
    return prepared(device, tape, inputs, made[0] as Tensor, dispatches);
  };
}

/** A case that computes the gradient by the input `by` where the output's gradient is `dy`. */
function gradient(
  by: string,
  shape: (spec: Spec) => number[],
  compute: (tape: Tape, inputs: Tensors) => Tensor,
): Prepare {
  return async (device, spec, values) => {
    const given = inputTensors(device, spec, values);
    // The gradient of a convolution by one operand does not depend on that operand's values: they are not given.
    const inputs = { ...given, [by]: given[by] ?? device.zeros(shape(spec), by) };
    const tape = new Tape(device);
    const watched = tape.watch(inputs[by] as Tensor);
    const y = compute(tape, inputs);
    const dispatches = recorded(device, () => tape.backward([y], [inputs.dy as Tensor]));
    return prepared(device, tape, inputs, tape.gradient(watched), dispatches);
  };
}

function prepared(
  device: Device,
  tape: Tape,
  inputs: Tensors,
  output: Tensor,
  dispatches: ReturnType<typeof recorded>,
): Prepared {
  return {
    run: () => replay(device, dispatches),
    sync: () => device.sync(),
    output: () => device.read(output),
    finish: () => {
      tape.dispose();
      releaseAll(device, Object.values(inputs));
      return { dispatches: dispatches.length };
    },
  };
}

const size = (spec: Spec, name: string) => spec.sizes[name] as number;
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function convolution(tape: Tape, { x, weight }: Tensors): Tensor {
  const kernel = weight as Tensor;
  return conv2d(tape, x as Tensor, kernel, null, { padding: (kernel.dim(0) - 1) / 2 });
}

function normalised(tape: Tape, { x, gamma, beta, runningMean, runningVar }: Tensors): Tensor {
  const state = { runningMean: runningMean as Tensor, runningVar: runningVar as Tensor };
  return batchNorm(tape, x as Tensor, gamma as Tensor, beta as Tensor, state, { training: true, relu: true });
}

/** Adds the running statistics, which batch norm moves in training. */
function withState(prepare: Prepare): Prepare {
  return (device, spec, values) => {
    const { gamma = [1] } = spec.inputs;
    const inputs = { ...spec.inputs, runningMean: gamma, runningVar: gamma };
    const zeros = new Float32Array(product(gamma));
    return prepare(device, { ...spec, inputs }, { ...values, runningMean: zeros, runningVar: zeros.map(() => 1) });
  };
}

export const kernelKinds: Readonly<Record<string, Prepare>> = {
  gemm: forward((tape, { a, b }, { transposeA, transposeB }) =>
    matmul(tape, a as Tensor, b as Tensor, { transposeA: transposeA === 1, transposeB: transposeB === 1 }),
  ),
  "conv-forward": forward(convolution),
  "conv-input": gradient("x", (s) => ["n", "h", "w", "ci"].map((name) => size(s, name)), convolution),
  "conv-weight": gradient("weight", (s) => ["k", "k", "ci", "co"].map((name) => size(s, name)), convolution),
  relu: forward((tape, { x }) => relu(tape, x as Tensor)),
  "channel-sums": forward((tape, { x }) => sumRows(tape, x as Tensor)),
  "bn-forward": withState(forward(normalised)),
  "bn-backward": withState(gradient("x", () => [], normalised)),
};
