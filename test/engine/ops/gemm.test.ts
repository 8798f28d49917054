import { describe, expect, it } from "vitest";
import { conv2d, type Device, linear, matmul, ShapeError, Tape } from "../../../engine/index.js";
import { gemm } from "../../../engine/ops/gemm/gemm.js";
import { cut, gemmGeometry, type Layout } from "../../../engine/ops/gemm/geometry.js";
import { type Nd, nd, type Twin } from "../../reference/index.js";
import { checkOp } from "../../support/checkOp.js";
import { checkVariants } from "../../support/checkVariants.js";
import { deviceVariants, swiftShaderDevice, testDevice } from "../../support/device.js";

/** out [M,N] = A B (+ bias) in double precision; A is [M,K] or transposed [K,M], B [K,N] or transposed [N,K]. */
function product(a: Nd, transposeA: boolean, b: Nd, transposeB: boolean, bias?: Nd): Nd {
  const [m, k] = (transposeA ? a.shape.toReversed() : a.shape) as [number, number];
  const n = (transposeB ? b.shape[0] : b.shape[1]) as number;
  const out = nd([m, n]);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = bias?.data[j] ?? 0;
      for (let p = 0; p < k; p++)
        sum += a.data[transposeA ? p * m + i : i * k + p]! * b.data[transposeB ? j * k + p : p * n + j]!;
      out.data[i * n + j] = sum;
    }
  }
  return out;
}

type Flags = { transposeA: boolean; transposeB: boolean };

const twin: Twin<Flags> = {
  forward: ([a, b], { transposeA, transposeB }) => product(a!, transposeA, b!, transposeB),
  backward: ([a, b], { transposeA, transposeB }, dy) => [
    transposeA ? product(b!, transposeB, dy, true) : product(dy, false, b!, !transposeB),
    transposeB ? product(dy, true, a!, transposeA) : product(a!, !transposeA, dy, false),
  ],
};

const layouts: Layout[] = ["nn", "nt", "tn", "tt"];
const flagsOf = (layout: Layout): Flags => ({ transposeA: layout[0] === "t", transposeB: layout[1] === "t" });

/** Around vec4, tiles of 8, 16, 32, 64 rows and 8, 32, 64 columns, runs of 64 k; the last ones are split over k. */
const sizes: [m: number, n: number, k: number, bias: boolean][] = [
  [1, 2, 2, true],
  [2, 3, 3, true],
  [3, 18, 5, false],
  [9, 36, 7, true],
  [17, 5, 66, true],
  [33, 65, 18, false],
  [67, 34, 130, true],
  [6, 10, 1030, true],
  [18, 72, 517, false],
];

function checkLayout(device: Device, layout: Layout, [m, n, k, bias]: (typeof sizes)[number]): Promise<string[]> {
  const { transposeA, transposeB } = flagsOf(layout);
  return checkVariants(device, {
    operation: gemm[layout],
    geometry: gemmGeometry(m, n, k),
    inputs: { a: transposeA ? [k, m] : [m, k], b: transposeB ? [n, k] : [k, n], bias: bias ? [n] : null },
    expected: (t) => ({ out: product(t.a!, transposeA, t.b!, transposeB, t.bias) }),
    tolerance: { atol: 1e-4 },
  });
}

describe.each(deviceVariants)("every variant of a product, %s", (_, options) => {
  describe.each(layouts)("%s", (layout) => {
    // A transposed matrix of one column would lie unpadded: `matmul` widens it.
    it.each(sizes.filter(([m]) => m > 1 || layout[0] === "n"))(
      "[%i, x] [x, %i], %i long, bias %s",
      async (m, n, k, bias) => {
        const ran = await checkLayout(await testDevice(options), layout, [m, n, k, bias]);
        expect(ran).toEqual(expect.arrayContaining(["register-4x8", "register-8x8"]));
      },
    );
  });

  it("splits a long k over a small product, never a short one, and leaves no step out", async () => {
    const device = await testDevice(options);
    const long = gemmGeometry(16, 16, 8192);
    const { splits, steps_per_split } = cut(device, long, 8, 32, 8);
    expect(splits).toBeGreaterThan(1);
    expect(splits * steps_per_split).toBeGreaterThanOrEqual(2048);
    expect((splits - 1) * steps_per_split).toBeLessThan(2048);
    expect(cut(device, gemmGeometry(16, 16, 63), 8, 32, 8).splits).toBe(1);
  });
});

describe("products on SwiftShader", () => {
  it.for(layouts)("%s", async (layout, context) => {
    const device = await swiftShaderDevice(context);
    for (const size of sizes.slice(5, 7)) await checkLayout(device, layout, size);
  });
});

describe.each(deviceVariants)("matmul, %s", (_, options) => {
  it.each([
    [5, 7, 6],
    [1, 4, 3],
    [6, 1, 5],
    [5, 6, 1],
    [1, 1, 9],
    [33, 20, 70],
  ])("[%i, x] [x, %i], %i long, in every layout", async (m, n, k) => {
    for (const layout of layouts) {
      const params = flagsOf(layout);
      await checkOp(await testDevice(options), {
        op: (tape, [a, b]) => matmul(tape, a!, b!, params),
        twin,
        params,
        inputs: [params.transposeA ? [k, m] : [m, k], params.transposeB ? [n, k] : [k, n]],
      });
    }
  });
});

describe("matmul", () => {
  it("adds both gradients of a matrix that is multiplied by itself", async () => {
    await checkOp(await testDevice(), {
      op: (tape, [a]) => matmul(tape, a!, a!, { transposeA: true }),
      twin: {
        forward: ([a]) => product(a!, true, a!, false),
        backward: ([a], _params, dy) => {
          const [left, right] = [product(a!, false, dy, true), product(a!, false, dy, false)];
          return [
            nd(
              left.shape,
              left.data.map((v, i) => v + right.data[i]!),
            ),
          ];
        },
      },
      params: {},
      inputs: [[6, 5]],
    });
  });

  it("names shapes that do not fit", async () => {
    const device = await testDevice();
    const tape = new Tape(device);
    const [a, b] = [tape.tensor([4, 6], "a"), tape.tensor([5, 6], "b")];
    expect(() => matmul(tape, a, b)).toThrow(
      new ShapeError("matmul: a has 6 columns, b has 5 rows (a [4,6], b [5,6])"),
    );
    expect(() => matmul(tape, a, b, { transposeA: true })).toThrow("a [4,6] transposed");
    expect(() => matmul(tape, tape.tensor([2, 3, 6], "c"), b)).toThrow("two matrices");
    tape.dispose();
  });
});

describe("where products are taken", () => {
  it("linear layers and 1x1 convolutions of stride 1 are products, forward and backward; other convolutions are not", async () => {
    const device = await testDevice({ workFor: "gpu" });
    const tape = new Tape(device);
    const weight = (k: number) => tape.watch(tape.tensor([k, k, 12, 20], "weight"));
    const run = (op: () => ReturnType<typeof linear>) => {
      const before = new Set(Object.keys(device.choices.record()));
      const y = op();
      tape.backward([y], [tape.tensor(y.shape, "dy")]);
      return Object.keys(device.choices.record()).filter((key) => !before.has(key));
    };
    const x = tape.watch(tape.tensor([2, 7, 9, 12], "x"));
    expect(run(() => conv2d(tape, x, weight(1), null))).toEqual([
      "gemm-nn m128 12->20",
      "gemm-nt m128 20->12",
      "gemm-tn 12x20 k128",
    ]);
    const rows = tape.watch(tape.tensor([5, 12], "rows"));
    expect(run(() => linear(tape, rows, weight(1), null))).toEqual([
      "gemm-nn m4 12->20",
      "gemm-nt m4 20->12",
      "gemm-tn 12x20 k4",
    ]);
    for (const op of [
      () => conv2d(tape, x, weight(1), null, { stride: 2 }),
      () => conv2d(tape, x, weight(3), null),
      () => conv2d(tape, x, weight(1), null, { padding: 1 }),
    ]) {
      expect(run(op).join()).toMatch(/^conv2d-backward-input.*conv2d-backward-weight.*conv2d-forward/);
    }
    tape.dispose();
  });

  it("prefers tiles in workgroup memory on a GPU, but for matrices much smaller than one", async () => {
    const device = await testDevice({ workFor: "gpu" });
    const name = (m: number, n: number) => gemm.nn.preferred(device, gemmGeometry(m, n, 64));
    expect([name(512, 512), name(8192, 36), name(8192, 4), name(4, 512)]).toEqual([
      "workgroup-64x64",
      "workgroup-64x64",
      "register-4x8",
      "register-4x8",
    ]);
  });
});
