import { describe, expect, it } from "vitest";
import { mean, meanRows, sum, sumRows } from "../../../engine/index.js";
import * as twins from "../../reference/index.js";
import { checkOp, PoisonedTape } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";

/** The last one takes several shares, which are summed afterwards. */
const shapes = [
  [1, 2],
  [5, 3],
  [2, 3, 4, 18],
  [1, 9, 7, 33],
  [4, 40, 41, 5],
];
const narrow = [[1], [10], [7, 1], [2, 3, 3, 1]];

/** Sum (or mean) over all axes but the last. */
const rowsTwin = (scale: (x: twins.Nd) => number): twins.Twin => ({
  forward: ([x]) => twins.map(twins.columnSums(x!), (value) => value * scale(x!)),
  backward: ([x], _, dy) => [twins.map(x!, (_, k) => dy.data[k % dy.data.length]! * scale(x!))],
});

describe.each(deviceVariants)("reductions, %s", (_, options) => {
  // Sums of thousands of numbers in single precision: about sqrt(n) roundings of partial sums of size sqrt(n).
  const forward = { atol: 1e-4, rtol: 1e-5 };

  it.each([...shapes, ...narrow].map((shape) => ({ shape })))("sum and mean of $shape", async ({ shape }) => {
    const device = await testDevice(options);
    const common = { params: {}, inputs: [shape] };
    await checkOp(device, { ...common, op: (tape, [x]) => sum(tape, x!), twin: twins.sum, forward });
    await checkOp(device, { ...common, op: (tape, [x]) => mean(tape, x!), twin: twins.mean });
  });

  it.each(shapes.map((shape) => ({ shape })))("sums and means of channels of $shape", async ({ shape }) => {
    const device = await testDevice(options);
    const common = { params: {}, inputs: [shape] };
    await checkOp(device, { ...common, op: (tape, [x]) => sumRows(tape, x!), twin: rowsTwin(() => 1), forward });
    const perRow = (x: twins.Nd) => x.shape.at(-1)! / x.data.length;
    await checkOp(device, { ...common, op: (tape, [x]) => meanRows(tape, x!), twin: rowsTwin(perRow) });
  });
});

describe("channel sums", () => {
  it("refuse one channel, naming the shape", async () => {
    const tape = new PoisonedTape(await testDevice());
    expect(() => sumRows(tape, tape.tensor([5, 1], "x"))).toThrow("sumRows: x [5,1] has one channel");
    tape.dispose();
  });
});
