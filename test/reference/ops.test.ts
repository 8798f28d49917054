import { describe, expect, it } from "vitest";
import { parseSafetensors } from "../../models/safetensors.js";
import { expectClose } from "../support/numeric.js";
import { readFixture } from "../support/oracle.js";
import type { BatchNormParams, Nd, Twin } from "./index.js";
import * as reference from "./index.js";

/**
 * The twins against PyTorch in double precision (make_ops.py), and against finite differences. Only the order of summation
 * differs: 1e-10 is generous.
 */
const TOLERANCE = { atol: 1e-10, rtol: 1e-10 };

interface Case {
  name: string;
  op: string;
  params: Record<string, unknown>;
}

const file = parseSafetensors(readFixture("torch/ops.safetensors"), "torch/ops.safetensors");
const cases: Case[] = JSON.parse(file.metadata.cases!);

function stored(name: string): Nd | undefined {
  const tensor = file.tensors.get(name);
  return tensor && reference.nd(tensor.shape, tensor.data as Float64Array);
}

const must = (name: string): Nd => stored(name) ?? expect.fail(`ops.safetensors has no ${name}`);

function numbered(prefix: string): Nd[] {
  const found: Nd[] = [];
  for (let next = stored(`${prefix}0`); next; next = stored(`${prefix}${found.length}`)) found.push(next);
  return found;
}

function close(actual: Nd, expected: Nd, label: string): void {
  // A [N,1,1,C] output equals torch's in every element; shapes are compared where the rank agrees.
  if (actual.shape.length === expected.shape.length) expect(actual.shape, label).toEqual(expected.shape);
  expectClose(actual.data, expected.data, TOLERANCE, label);
}

/** The differentiable twins under the names of the fixture's ops. */
const TWINS: Record<string, Twin<never>> = {
  conv2d: reference.conv2d,
  linear: reference.linear,
  batchNorm: reference.batchNorm,
  maxPool: reference.maxPool,
  globalAveragePool: reference.globalAveragePool,
  upsampleNearest: reference.upsampleNearest,
  concat: reference.concat,
  slice: reference.slice,
  add: reference.add,
  relu: reference.relu,
  sum: reference.sum,
  mean: reference.mean,
  dropout: reference.dropout,
  softmax: reference.softmax,
  softmaxCrossEntropy: reference.softmaxCrossEntropy,
};

/** Tensors that a case gives beside the inputs: running statistics, soft targets. */
function paramsOf({ name, params }: Case): never {
  const extra = Object.fromEntries(
    ["runningMean", "runningVar", "targets"].flatMap((key) => {
      const tensor = stored(`${name}/${key}`);
      return tensor ? [[key, tensor]] : [];
    }),
  );
  return { ...params, ...extra } as never;
}

const differentiable = cases.filter(({ op }) => op in TWINS);

describe("twins equal PyTorch", () => {
  it("in every op", () => {
    expect([...new Set(differentiable.map(({ op }) => op))].sort()).toEqual(Object.keys(TWINS).sort());
    expect(differentiable.length).toBeGreaterThan(60);
  });

  it.each(differentiable)("$name", (each) => {
    const twin = TWINS[each.op]!;
    const inputs = numbered(`${each.name}/x`);
    const params = paramsOf(each);
    close(twin.forward(inputs, params), must(`${each.name}/y`), "y");
    const gradients = twin.backward(inputs, params, must(`${each.name}/dy`));
    expect(gradients).toHaveLength(inputs.length);
    gradients.forEach((g, k) => {
      close(g, must(`${each.name}/dx${k}`), `gradient of input ${k}`);
    });
  });

  it.each(cases.filter(({ op }) => op === "batchNorm"))("running statistics of $name", (each) => {
    const params: BatchNormParams = paramsOf(each);
    const after = reference.batchNorm.running(numbered(`${each.name}/x`), params);
    close(after.runningMean, must(`${each.name}/runningMeanAfter`), "running mean");
    close(after.runningVar, must(`${each.name}/runningVarAfter`), "running variance");
  });

  it("argmax takes the first of equal values", () => {
    const expected = file.tensors.get("argmax/y")!.data as BigInt64Array;
    expect(reference.argmax(must("argmax/x0"))).toEqual([...expected].map(Number));
  });
});

describe("twins equal finite differences", () => {
  // Kinks (ties of max pooling, zeros of ReLU) have no derivative; logits of 1000 leave nothing to difference.
  const smooth = differentiable.filter(({ name }) => !/ties|zeros|huge/.test(name));
  it.each(smooth)("$name", (each) => {
    const twin = TWINS[each.op]!;
    const inputs = numbered(`${each.name}/x`);
    const params = paramsOf(each);
    const dy = must(`${each.name}/dy`);
    const gradients = twin.backward(inputs, params, dy);
    reference.gradcheckTwin(twin, inputs, params, dy).forEach((g, k) => {
      expectClose(gradients[k]!.data, g.data, { atol: 2e-7, rtol: 1e-6 }, `gradient of input ${k}`);
    });
  });

  it("which are good to 1e-8, so that they notice a wrong gradient", () => {
    const x = reference.nd([3], [0.5, -2, 3]);
    const cube = reference.gradcheck((at) => reference.map(at, (v) => v ** 3), x, reference.nd([3], [1, 2, 3]));
    expectClose(cube.data, [0.75, 24, 81], { rtol: 1e-8 }, "derivative of x^3");
  });
});

describe("optimisers equal torch's", () => {
  it.each(cases.filter(({ op }) => op === "sgd" || op === "adam"))("$name", ({ name, op, params }) => {
    const [weights, grads] = [must(`${name}/weights`), must(`${name}/grads`)];
    const row = (x: Nd, step: number) => reference.nd([7], x.data.subarray(7 * step, 7 * step + 7));
    let weight = row(weights, 0);
    let buffer: Nd | null = null;
    let state: reference.AdamState | null = null;
    for (let step = 0; step < 5; step++) {
      const gradient = row(grads, step);
      if (op === "sgd") ({ weight, buffer } = reference.sgdStep(weight, gradient, buffer, params as never));
      else ({ weight, state } = reference.adamStep(weight, gradient, state, params as never));
      close(weight, row(weights, step + 1), `weights after step ${step + 1}`);
    }
  });
});

describe("augmentations equal torchvision's formulas", () => {
  const { brightness, contrast, gaussianBlur, rotateNearest, rotateReflect, flipHorizontal, flipVertical } = reference;
  type Augment = (x: Nd, values: never) => Nd;
  const all: Record<string, Augment> = {
    brightness,
    contrast,
    gaussianBlur,
    rotateNearest,
    rotateReflect,
    flipHorizontal,
    flipVertical,
  };
  const augmentations = cases.filter(({ op }) => op in all);

  it.each(augmentations)("$name", ({ name, op, params }) => {
    close(all[op]!(must(`${name}/x0`), Object.values(params)[0] as never), must(`${name}/y`), op);
  });

  it("all of them, and images without a parameter stay as they are", () => {
    expect(new Set(augmentations.map(({ op }) => op))).toEqual(new Set(Object.keys(all)));
    const x = must("rotateReflect/odd/x0");
    const none = x.shape[0]! - 1;
    const only = (value: unknown) => [value, ...Array.from({ length: none }, () => (value === true ? false : null))];
    for (const [op, augment] of Object.entries(all)) {
      const y = augment(x, only(op.startsWith("flip") ? true : 12) as never);
      expect(y.data.subarray(63), op).toEqual(x.data.subarray(63));
      expect(y.data.subarray(0, 63), op).not.toEqual(x.data.subarray(0, 63));
    }
  });
});
