import { describe, expect, it } from "vitest";
import { bernoulliMask, ShapeError, shiftRows, type Tape } from "../../../engine/index.js";
import * as twins from "../../reference/index.js";
import { checkOp, ndTensor, PoisonedTape, readChecked } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";

const f32 = (values: readonly number[]) => values.map(Math.fround);
const rowOf = (classes: number) => f32(Array.from({ length: classes }, (_, c) => Math.log((c + 1) / (classes + 2))));

describe.each(deviceVariants)("shiftRows, %s", (_, options) => {
  it.each([
    { shape: [1, 2], scale: 1, factor: undefined },
    { shape: [5, 3], scale: -1, factor: undefined },
    { shape: [9, 4], scale: -0.5, factor: 1 },
    { shape: [70, 10], scale: 1.5, factor: 0.25 },
    { shape: [33, 101], scale: -1, factor: 0 },
  ])("equals the twin: $shape, scale $scale, factor $factor", async ({ shape, scale, factor }) => {
    const row = rowOf(shape[1]!);
    await checkOp(await testDevice(options), {
      op: (tape: Tape, [x]) =>
        shiftRows(tape, x!, ndTensor(tape, twins.nd([shape[1]!], row), "row"), {
          scale,
          ...(factor !== undefined && { factor: ndTensor(tape, twins.nd([1], [factor]), "factor") }),
        }),
      twin: twins.shiftRows,
      params: { row, shift: scale * (factor ?? 1) },
      inputs: [shape],
      forward: { atol: 1e-6, rtol: 1e-6 },
    });
  });

  it("draws the samples of the twin, and nearly as many as it should", async () => {
    const device = await testDevice(options);
    const tape = new PoisonedTape(device);
    const keep = f32([1, 0.5, 0.1, 0]);
    const labels = Array.from({ length: 4003 }, (_, n) => (n * 7 + 1) % 4);
    const base = labels.map((_, n) => Number(n % 3 !== 0));
    const label = tape.tensor([labels.length], "labels", "u32");
    device.write(label, labels);
    const state = tape.tensor([2], "state", "u32");
    device.write(state, [77, 12]);
    const keepTensor = ndTensor(tape, twins.nd([4], keep), "keep");
    const draw = async (stream: number, masked: boolean) =>
      readChecked(
        device,
        bernoulliMask(tape, label, keepTensor, {
          state,
          stream,
          ...(masked && { base: ndTensor(tape, twins.nd([labels.length], base), "base") }),
        }),
        "mask",
      );
    const settings = { seed: 77, step: 12, stream: 0x80001234 };
    const plain = [...(await draw(settings.stream, false))];
    expect(plain).toEqual(twins.bernoulliMask(labels, keep, settings));
    expect([...(await draw(settings.stream, true))]).toEqual(twins.bernoulliMask(labels, keep, { ...settings, base }));
    expect([...(await draw(settings.stream + 1, false))]).not.toEqual(plain);
    keep.forEach((p, c) => {
      const drawn = plain.filter((_, n) => labels[n] === c);
      const share = drawn.reduce((a, b) => a + b, 0) / drawn.length;
      expect(Math.abs(share - p)).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / drawn.length) + 1e-7);
    });
    tape.dispose();
  });
});

describe("shiftRows and bernoulliMask", () => {
  it("refuse what does not fit, naming the shapes", async () => {
    const tape = new PoisonedTape(await testDevice());
    const x = tape.tensor([4, 3], "x");
    expect(() => shiftRows(tape, x, tape.tensor([4], "row"))).toThrow("row [4] does not fit x [4,3]");
    expect(() => shiftRows(tape, x, tape.tensor([3, 1], "row"))).toThrow(ShapeError);
    const options = { state: tape.tensor([2], "state", "u32"), stream: 1 };
    expect(() => bernoulliMask(tape, tape.tensor([4], "labels"), tape.tensor([3], "keep"), options)).toThrow("u32 [N]");
    const label = tape.tensor([4], "labels", "u32");
    const base = tape.tensor([5], "base");
    expect(() => bernoulliMask(tape, label, tape.tensor([3], "keep"), { ...options, base })).toThrow("base [5]");
    tape.dispose();
  });
});
