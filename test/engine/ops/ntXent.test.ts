import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ntXent, ShapeError, Tape } from "../../../engine/index.js";
import { readSafetensors } from "../../../models/index.js";
import * as twins from "../../reference/index.js";
import { checkOp, ndTensor, normals, randomNd, runOp } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";

const fixture = (ending: string) => `test/fixtures/oracle/ntxent.${ending}`;
const tensors = readSafetensors(readFileSync(fixture("safetensors")));
const cases = Object.entries(
  JSON.parse(readFileSync(fixture("json"), "utf8")) as Record<
    string,
    { batch: number; dim: number; temperature: number; loss_f64: number; grad_maxabs_err: number }
  >,
);

/** Rows of z_i and z_j, one below the other, as the op takes them. */
function joined(name: string, kind: "z" | "grad_z", shape: readonly number[]): twins.Nd {
  const [i, j] = ["i", "j"].map((view) => [...(tensors.get(`${name}/${kind}_${view}`)!.data as Float32Array)]);
  return twins.nd(shape, [...i!, ...j!]);
}

describe.each(cases)("NT-Xent of PyTorch, %s", (name, { batch, dim, temperature, loss_f64, grad_maxabs_err }) => {
  const z = joined(name, "z", [2 * batch, dim]);
  const expected = joined(name, "grad_z", z.shape);
  // The fixture is f32; its own distance from f64 is of the same size.
  const close = { atol: 4 * grad_maxabs_err, rtol: 1e-5 };

  it("the twin", () => {
    expect(twins.ntXent.forward([z], { temperature }).data[0]).toBeCloseTo(loss_f64, 6);
    expectClose(twins.ntXent.backward([z], { temperature }, twins.nd([1], [1]))[0]!.data, expected.data, close, "dz");
  });

  it("on the GPU", async () => {
    const op = (tape: Tape, [input]: Parameters<Parameters<typeof runOp>[1]>[1]) =>
      ntXent(tape, input!, { temperature });
    const { output, gradients } = await runOp(await testDevice(), op, [z], twins.nd([1], [1]));
    expectClose(output, [loss_f64], { atol: 1e-6, rtol: 1e-6 }, "loss");
    expectClose(gradients[0]!, expected.data, close, "dz");
  });
});

function op(temperature: number, weight?: number) {
  return (tape: Tape, [z]: Parameters<Parameters<typeof runOp>[1]>[1]) =>
    ntXent(tape, z!, {
      temperature,
      ...(weight !== undefined && { weight: ndTensor(tape, twins.nd([1], [weight]), "weight") }),
    });
}

describe.each(deviceVariants.filter(([name]) => name !== "portable kernels"))("NT-Xent, %s", (_, options) => {
  it.each([
    { shape: [2, 3], temperature: 1 },
    { shape: [6, 2], temperature: 0.5 },
    { shape: [10, 7], temperature: 0.2 },
    { shape: [34, 13], temperature: 0.5, weight: -1.75 },
    { shape: [146, 33], temperature: 0.1 },
  ])("equals the twin: $shape, temperature $temperature", async ({ shape, temperature, weight }) => {
    const params = weight === undefined ? { temperature } : { temperature, weight };
    const gradient = { atol: 1e-6, rtol: 1e-3 };
    await checkOp(await testDevice(options), {
      op: op(temperature, weight),
      twin: twins.ntXent,
      params,
      inputs: [shape],
      forward: { atol: 2e-6, rtol: 1e-5 },
      gradient,
    });
  });
});

describe("NT-Xent", () => {
  it("does not see lengths, however long or short", async () => {
    const z = randomNd([8, 6], normals(3));
    const stretched = twins.map(z, (value, k) => value * [1, 1e-6, 1e20, 3][Math.floor(k / 6) % 4]!);
    const device = await testDevice();
    const [plain, other] = [await runOp(device, op(0.5), [z], one), await runOp(device, op(0.5), [stretched], one)];
    expectClose(other.output, plain.output, { atol: 0, rtol: 1e-5 }, "loss");
    expect(other.gradients[0]!.every(Number.isFinite)).toBe(true);
  });

  it("gives a vector of zeros no gradient, and lets NaN be seen", async () => {
    const z = randomNd([6, 5], normals(4));
    z.data.fill(0, 5, 10);
    const { output, gradients } = await runOp(await testDevice(), op(0.5), [z], one);
    expectClose(output, twins.ntXent.forward([z], { temperature: 0.5 }).data, { atol: 1e-6, rtol: 1e-5 }, "loss");
    expect(gradients[0]!.subarray(5, 10).every((value) => value === 0)).toBe(true);
    z.data[0] = Number.NaN;
    const device = await testDevice();
    const tape = Tape.inference(device);
    expect((await device.read(ntXent(tape, ndTensor(tape, z, "z"), { temperature: 0.5 })))[0]).toBeNaN();
    tape.dispose();
  });

  it("repeats bitwise", async () => {
    const z = randomNd([26, 11], normals(5));
    const device = await testDevice();
    expect(await runOp(device, op(0.1), [z], one)).toEqual(await runOp(device, op(0.1), [z], one));
  });

  it("refuses batches without partners and temperatures that are not above 0", async () => {
    const tape = new Tape(await testDevice());
    const of = (...shape: number[]) => ndTensor(tape, randomNd(shape, normals(1)), "z");
    expect(() => ntXent(tape, of(5, 8), { temperature: 1 })).toThrow(ShapeError);
    expect(() => ntXent(tape, of(4, 1), { temperature: 1 })).toThrow(/\[4,1\].*2 or more/);
    expect(() => ntXent(tape, of(4, 8), { temperature: 0 })).toThrow(/temperature is 0/);
    tape.dispose();
  });
});

const one = twins.nd([1], [1]);
