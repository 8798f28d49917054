import { expect } from "vitest";
import type { Device } from "../../engine/index.js";
import type { DType, Tensor } from "../../engine/tensor.js";
import type { Operands, Operation, Variant } from "../../engine/tuning/operation.js";
import { type Nd, nd } from "../reference/index.js";
import { normals, randomNd, readChecked } from "./checkOp.js";
import { expectClose, type Tolerance } from "./numeric.js";

export interface VariantCheck<G, T extends Operands> {
  readonly operation: Operation<G, T>;
  readonly geometry: G;
  /** Inputs by name: shapes, filled with normal numbers, or values; null for what is left out. */
  readonly inputs: { readonly [K in keyof T]?: readonly number[] | Nd | null };
  /** The outputs by name, in double precision. */
  readonly expected: (inputs: Readonly<Record<string, Nd>>) => { readonly [K in keyof T]?: Nd };
  /** Only variants of such names, where compiling all of them takes long. */
  readonly only?: RegExp;
  /** Default atol 1e-5, rtol 1e-4. */
  readonly tolerance?: Tolerance;
  /** Another seed draws other numbers. */
  readonly seed?: number;
}

/**
 * Runs every variant of an operation that fits the device (and is asked for), and compares its outputs with the expectation; their padding
 * must be zero. Outputs and the temporaries of a variant are full of NaN before. A failure names all variants that are wrong.
 * @returns the names of the variants that ran.
 */
export async function checkVariants<G, T extends Operands>(
  device: Device,
  check: VariantCheck<G, T>,
): Promise<string[]> {
  const { operation, geometry } = check;
  const poisoned = poisonedDevice(device);
  const fitting = operation.variants.filter((variant) => variant.fits(device, geometry));
  const label = `${operation.name}: variants that fit`;
  const names = fitting.map(({ name }) => name);
  expect(names, label).toContain(operation.preferred(device, geometry));
  const variants = fitting.filter(({ name }) => check.only?.test(name) ?? true);
  expect(variants.length, `${label} and match ${check.only}`).toBeGreaterThan(0);

  const inputs = inputValues(check);
  const expected = check.expected(inputs);
  const failures: string[] = [];
  for (const variant of variants) {
    try {
      await checkVariant(poisoned, check, variant, inputs, expected);
    } catch (error) {
      failures.push(`${operation.name} ${variant.name}, ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failures.length > 0) expect.fail(failures.join("\n"));
  return variants.map(({ name }) => name);
}

function inputValues<G, T extends Operands>(check: VariantCheck<G, T>): Record<string, Nd> {
  const random = normals(check.seed ?? 1);
  const values: Record<string, Nd> = {};
  for (const [name, input] of Object.entries(check.inputs) as [string, readonly number[] | Nd | null][]) {
    if (input === null) continue;
    values[name] = "data" in input ? nd(input.shape, input.data.map(Math.fround)) : randomNd(input, random);
  }
  return values;
}

async function checkVariant<G, T extends Operands>(
  device: Device,
  check: VariantCheck<G, T>,
  variant: Variant<G, T>,
  inputs: Readonly<Record<string, Nd>>,
  expected: { readonly [K in keyof T]?: Nd },
): Promise<void> {
  const tensors: Record<string, Tensor | null> = {};
  for (const name of Object.keys(check.inputs)) tensors[name] = null;
  const outputs = Object.entries(expected) as [string, Nd][];
  try {
    for (const [name, input] of Object.entries(inputs)) {
      const tensor = device.empty(input.shape, name);
      tensors[name] = tensor;
      device.write(tensor, input.data);
    }
    for (const [name, { shape }] of outputs) tensors[name] = device.empty(shape, name);
    variant.run(device, check.geometry, tensors as T);
    for (const [name, { data }] of outputs) {
      const actual = await readChecked(device, tensors[name] as Tensor, name);
      expectClose(actual, data, { atol: 1e-5, rtol: 1e-4, ...check.tolerance }, name);
    }
  } finally {
    for (const tensor of Object.values(tensors)) if (tensor) device.release(tensor);
  }
}

/** The same device, whose new tensors are full of NaN: what a kernel leaves unwritten is seen. */
export function poisonedDevice(device: Device): Device {
  const poisoned = Object.create(device) as Device;
  poisoned.empty = (shape: readonly number[], label: string, dtype: DType = "f32"): Tensor => {
    const tensor = device.empty(shape, label, dtype);
    const poison = new Float32Array(tensor.buffer.bytes / 4).fill(Number.NaN);
    device.writeBytes(tensor, new Uint8Array(poison.buffer));
    return tensor;
  };
  return poisoned;
}
