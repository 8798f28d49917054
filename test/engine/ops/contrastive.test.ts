import { describe, expect, it } from "vitest";
import { clusterAssignments, clusterBalance, negativeCosine, ShapeError, Tape } from "../../../engine/index.js";
import * as twins from "../../reference/index.js";
import { checkOp, ndTensor, normals, type OpCheck, randomNd, runOp } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";

type Op = OpCheck<unknown>["op"];

/** A factor of a loss as the ops take it: on the GPU, or none. */
function weightOf(tape: Tape, weight: number | undefined) {
  return weight === undefined ? undefined : ndTensor(tape, twins.nd([1], [weight]), "weight");
}

const assign: Op = (tape, [logits]) => clusterAssignments(tape, logits!);
const balance =
  (weight?: number): Op =>
  (tape, [assignments]) =>
    clusterBalance(tape, assignments!, weightOf(tape, weight));
const cosine =
  (z: twins.Nd, weight?: number): Op =>
  (tape, [p]) =>
    negativeCosine(tape, p!, ndTensor(tape, z, "z"), weightOf(tape, weight));

/** Assignments of `n` samples to `k` clusters in two views. */
function assignments(k: number, n: number, seed = 1): twins.Nd {
  const drawn = twins.clusterAssignments.forward([randomNd([2 * n, k], normals(seed))], {});
  return twins.map(drawn, Math.fround);
}

const gradient = { atol: 1e-6, rtol: 1e-4 };
const one = twins.nd([1], [1]);

describe.each(deviceVariants)("%s: equals the twin,", (_, options) => {
  it.each([
    [4, 2],
    [6, 4],
    [10, 3],
    [32, 10],
    [66, 100],
  ])("assignments of %i views to %i clusters", async (views, clusters) => {
    const forward = { atol: 1e-6, rtol: 1e-5 };
    const device = await testDevice(options);
    await checkOp(device, {
      op: assign,
      twin: twins.clusterAssignments,
      params: {},
      inputs: [[views, clusters]],
      forward,
      gradient,
    });
  });

  it.each([
    { k: 2, n: 2 },
    { k: 3, n: 5, weight: -1.75 },
    { k: 10, n: 16 },
    { k: 100, n: 33, weight: 0.5 },
  ])("the balance of $k clusters over $n samples", async ({ k, n, weight }) => {
    const device = await testDevice(options);
    const params = weight === undefined ? {} : { weight };
    await checkOp(device, {
      op: balance(weight),
      twin: twins.clusterBalance,
      params,
      inputs: [assignments(k, n)],
      gradient,
    });
  });

  it.each([{ shape: [1, 2] }, { shape: [5, 7], weight: 0.5 }, { shape: [16, 128] }, { shape: [33, 130], weight: -2 }])(
    "the negative cosine of $shape",
    async ({ shape, weight }) => {
      const z = randomNd(shape, normals(9));
      const params = { z, ...(weight !== undefined && { weight }) };
      const device = await testDevice(options);
      await checkOp(device, { op: cosine(z, weight), twin: twins.negativeCosine, params, inputs: [shape], gradient });
    },
  );
});

describe("cluster assignments", () => {
  it("are sure of a cluster however large the logits are, and let NaN be seen", async () => {
    const device = await testDevice();
    const logits = twins.nd([4, 3], [1e30, 0, 0, 0, 300, -300, 5, 5, -1e30, 0, 0, 200]);
    const { output, gradients } = await runOp(device, assign, [logits], randomNd([6, 2], normals(2)));
    expectClose(output, [1, 0, 0, 1, 0, 0, 0.5, 0, 0.5, 0, 0, 1], { atol: 1e-6, rtol: 0 }, "assignments");
    expect(gradients[0]!.every(Number.isFinite)).toBe(true);
    logits.data[4] = Number.NaN;
    const seen = await runOp(device, assign, [logits], randomNd([6, 2], normals(2)));
    expect([...seen.output].map(Number.isNaN)).toEqual([
      false,
      true,
      false,
      true,
      false,
      true,
      ...Array(6).fill(false),
    ]);
  });

  it("refuses views without partners, one sample and one cluster", async () => {
    const tape = new Tape(await testDevice());
    const of = (...shape: number[]) => ndTensor(tape, randomNd(shape, normals(1)), "logits");
    for (const shape of [
      [5, 3],
      [2, 3],
      [4, 1],
    ])
      expect(() => clusterAssignments(tape, of(...shape))).toThrow(ShapeError);
    tape.dispose();
  });
});

describe("the balance of clusters", () => {
  it("is 0 where they are used alike, and 2 log K where all samples are in one", async () => {
    const device = await testDevice();
    const even = twins.nd([8, 6], Array(48).fill(0.25));
    expectClose((await runOp(device, balance(), [even], one)).output, [0], { atol: 1e-6, rtol: 0 }, "even");
    const single = twins.map(even, (_, at) => Number(at % 24 < 6));
    const { output, gradients } = await runOp(device, balance(), [single], one);
    expectClose(output, [2 * Math.log(4)], { atol: 1e-6, rtol: 1e-6 }, "one cluster");
    expect(gradients[0]!.every(Number.isFinite)).toBe(true);
  });

  it("lets NaN be seen, and refuses an odd number of rows", async () => {
    const device = await testDevice();
    const bad = assignments(3, 4);
    bad.data[5] = Number.NaN;
    expect((await runOp(device, balance(), [bad], one)).output[0]).toBeNaN();
    const tape = new Tape(device);
    expect(() => clusterBalance(tape, ndTensor(tape, randomNd([5, 4], normals(1)), "x"))).toThrow(/\[5,4\]/);
    tape.dispose();
  });
});

describe("the negative cosine", () => {
  it("gives z no gradient, a vector of zeros none either, and is -1 for vectors of one direction", async () => {
    const device = await testDevice();
    const p = randomNd([3, 5], normals(4));
    const same = await runOp(device, cosine(twins.map(p, (v) => 1e6 * v)), [p], one);
    expectClose(same.output, [-1], { atol: 1e-6, rtol: 0 }, "one direction");
    p.data.fill(0, 5, 10);
    const { gradients } = await runOp(device, cosine(randomNd([3, 5], normals(5))), [p], one);
    expect(gradients[0]!.subarray(5, 10).every((value) => value === 0)).toBe(true);

    const tape = new Tape(device);
    const [a, z] = [ndTensor(tape, p, "p"), ndTensor(tape, randomNd([3, 5], normals(6)), "z")].map((x) =>
      tape.watch(x),
    );
    tape.backward([negativeCosine(tape, a!, z!)]);
    expect(() => tape.gradient(z!)).toThrow(/no gradient/);
    tape.dispose();
  });

  it("refuses vectors of different lengths", async () => {
    const tape = new Tape(await testDevice());
    const of = (...shape: number[]) => ndTensor(tape, randomNd(shape, normals(1)), "x");
    expect(() => negativeCosine(tape, of(4, 8), of(4, 7))).toThrow(/\[4,8\].*\[4,7\]/);
    expect(() => negativeCosine(tape, of(4, 1), of(4, 1))).toThrow(ShapeError);
    tape.dispose();
  });
});
