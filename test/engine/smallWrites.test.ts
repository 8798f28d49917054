import { afterEach, describe, expect, it } from "vitest";
import { type Device, relu, sum, Tape, type Tensor } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import { testDevice } from "../support/device.js";

let own: Device | null = null;
afterEach(() => {
  own?.close();
  own = null;
});

describe("small writes", () => {
  it("keep their place between commands without a submission of their own", async () => {
    const device = await testDevice();
    const tape = Tape.inference(device);
    const x = tape.tensor([4], "x");
    device.flush();
    const { submits } = device.counters;
    const results = [1, 2, 3].map((value) => {
      device.write(x, Array(4).fill(value));
      return relu(tape, x);
    });
    expect(device.counters.submits).toBe(submits);
    for (const [i, result] of results.entries()) expect([...(await device.read(result))]).toEqual(Array(4).fill(i + 1));
    tape.dispose();
  });

  it("mix with large ones, and may be more than one submission holds", async () => {
    const device = await testDevice();
    const tape = Tape.inference(device);
    const x = tape.tensor([5000], "20 kB");
    const small = tape.tensor([4000], "16 kB");
    const results: Tensor[] = [];
    for (let i = 0; i < 6; i++) {
      device.write(x, new Float32Array(5000).fill(i));
      device.write(small, new Float32Array(4000).fill(10 + i));
      results.push(sum(tape, relu(tape, x)), sum(tape, relu(tape, small)));
    }
    for (const [k, result] of results.entries()) {
      const i = Math.floor(k / 2);
      expect((await device.read(result))[0]).toBe(k % 2 === 0 ? 5000 * i : 4000 * (10 + i));
    }
    tape.dispose();
  });

  it("to a tensor that is then destroyed do no harm", async () => {
    own = await openNodeDevice();
    const x = own.fromValues([1, 2, 3], [3], "x");
    own.release(x);
    own.pool.trim();
    await own.sync();
  });
});
