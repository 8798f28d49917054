import { expect } from "vitest";
import type { Device, Tensor } from "../../engine/index.js";
import { mulberry32 } from "../../engine/rng.js";
import { Tape } from "../../engine/tape.js";
import { type DType, Tensor as TensorClass, unpadValues } from "../../engine/tensor.js";
import { gradcheck, type Nd, nd, type Twin } from "../reference/index.js";
import { expectClose, type Tolerance } from "./numeric.js";

export interface OpCheck<P> {
  /** The op on the GPU. What else it needs (running statistics, labels) it makes on the tape. */
  readonly op: (tape: Tape, inputs: Tensor[]) => Tensor;
  /** The same op in double precision. */
  readonly twin: Twin<P>;
  readonly params: P;
  /** Differentiable inputs: shapes, filled with normal numbers, or values. */
  readonly inputs: readonly (readonly number[] | Nd)[];
  /** Default atol 1e-6, rtol 1e-3. */
  readonly forward?: Tolerance;
  /** Default atol 1e-4, rtol 1e-3. */
  readonly gradient?: Tolerance;
  /** false where finite differences do not exist (ties, ReLU at 0). Default true. */
  readonly differences?: boolean;
  /** Another seed draws other numbers. */
  readonly seed?: number;
}

/** Elements of each input that are checked against finite differences. */
const mostDifferences = 10;

/**
 * Checks an op on the GPU against its twin: output, the gradient of every input for a random gradient of the output, and
 * zeros in the padding of all of them; and the twin's gradients against central finite differences.
 * Every tensor the op allocates is full of NaN before, so that what a kernel leaves unwritten is seen.
 */
export async function checkOp<P>(device: Device, check: OpCheck<P>): Promise<void> {
  const random = normals(check.seed ?? 1);
  const inputs = check.inputs.map((input) => ("data" in input ? rounded(input) : randomNd(input, random)));
  const expected = check.twin.forward(inputs, check.params);
  const dy = randomNd(expected.shape, random);
  const gradients = check.twin.backward(inputs, check.params, dy);

  const gpu = await runOp(device, check.op, inputs, dy);
  expect(gpu.shape, "shape of the output").toEqual(expected.shape);
  expectClose(gpu.output, expected.data, { atol: 1e-6, rtol: 1e-3, ...check.forward }, "output");
  gradients.forEach((gradient, i) => {
    const tolerance = { atol: 1e-4, rtol: 1e-3, ...check.gradient };
    expectClose(gpu.gradients[i] ?? [], gradient.data, tolerance, `gradient of input ${i}`);
  });

  if (check.differences === false) return;
  inputs.forEach((input, i) => {
    const picks = choose(input.data.length, random);
    const f = (part: Nd) => check.twin.forward(inputs.with(i, replaced(input, picks, part)), check.params);
    const differences = gradcheck(f, gather(input, picks), dy);
    const tolerance = { atol: 1e-6, rtol: 1e-5 };
    expectClose(
      gather(gradients[i] as Nd, picks).data,
      differences.data,
      tolerance,
      `twin's gradient ${i}, at ${picks}`,
    );
  });
}

export interface OpResult {
  readonly shape: readonly number[];
  readonly output: Float32Array;
  readonly gradients: Float32Array[];
}

/** Runs an op on watched inputs, forward and backward from `dy`, and reads everything; padding must be zero. */
export async function runOp(
  device: Device,
  op: OpCheck<unknown>["op"],
  inputs: readonly Nd[],
  dy: Nd,
): Promise<OpResult> {
  const tape = new PoisonedTape(device);
  try {
    const tensors = inputs.map((input, i) => tape.watch(ndTensor(tape, input, `input ${i}`)));
    const y = op(tape, tensors);
    const output = await readChecked(device, y, "output");
    tape.backward([y], [ndTensor(tape, { ...dy, shape: [...y.shape] }, "dy")]);
    const gradients: Float32Array[] = [];
    for (const [i, x] of tensors.entries()) {
      gradients.push(await readChecked(device, tape.gradient(x), `gradient of input ${i}`));
    }
    return { shape: y.shape, output, gradients };
  } finally {
    tape.dispose();
  }
}

/** A tape whose tensors hold NaN until a kernel writes them: nothing may count on what a buffer held before. */
export class PoisonedTape extends Tape {
  override tensor(shape: readonly number[], label: string, dtype: DType = "f32"): Tensor {
    const tensor = super.tensor(shape, label, dtype);
    const poison = new Float32Array(tensor.buffer.bytes / 4).fill(Number.NaN);
    this.device.writeBytes(tensor, new Uint8Array(poison.buffer));
    return tensor;
  }
}

/** A tensor of the tape with the values of an `Nd`. */
export function ndTensor(tape: Tape, values: Nd, label: string): Tensor {
  const tensor = tape.tensor(values.shape, label);
  tape.device.write(tensor, values.data);
  return tensor;
}

/** Logical values of a tensor, after a check that its padding is all zeros. */
export async function readChecked(device: Device, tensor: Tensor, label: string): Promise<Float32Array> {
  const all = new TensorClass([tensor.paddedSize], tensor.dtype, tensor.buffer, label, tensor.byteOffset);
  const raw = tensor.pitch === tensor.dim(-1) ? await device.read(tensor) : await device.read(all);
  const channels = tensor.dim(-1);
  const stray = raw.findIndex((value, k) => k % tensor.pitch >= channels && value !== 0);
  if (stray >= 0) expect.fail(`${label} [${tensor.shape}]: padding at float ${stray} is ${raw[stray]}, expected 0`);
  return unpadValues(raw, channels);
}

/** Normal numbers from a seed. */
export function normals(seed: number): () => number {
  const uniform = mulberry32(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Random values that are the same in single and in double precision. */
export function randomNd(shape: readonly number[], random: () => number): Nd {
  const values = nd(shape);
  values.data.forEach((_, k) => {
    values.data[k] = Math.fround(random());
  });
  return values;
}

function rounded({ shape, data }: Nd): Nd {
  return nd(shape, data.map(Math.fround));
}

/** Some elements, each once. */
function choose(length: number, random: () => number): number[] {
  if (length <= mostDifferences) return Array.from({ length }, (_, k) => k);
  const picks = new Set<number>();
  while (picks.size < mostDifferences) picks.add(Math.floor(Math.abs(random()) * 1e6) % length);
  return [...picks];
}

function gather(x: Nd, picks: readonly number[]): Nd {
  return nd(
    [picks.length],
    picks.map((k) => x.data[k] as number),
  );
}

/** `x` with the picked elements replaced. */
function replaced(x: Nd, picks: readonly number[], part: Nd): Nd {
  const y = nd(x.shape, x.data);
  picks.forEach((k, i) => {
    y.data[k] = part.data[i] as number;
  });
  return y;
}
