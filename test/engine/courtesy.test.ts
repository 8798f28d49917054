import { getPriority } from "node:os";
import { describe, expect, it } from "vitest";
import { lowPriority, restInWaits } from "../../engine/courtesy.js";
import { testDevice } from "../support/device.js";

/** Turns of a `setImmediate` loop, such as Dawn's, in `ms`. */
function turnsOf(ms: number): Promise<number> {
  const end = performance.now() + ms;
  return new Promise((resolve) => {
    let turns = 0;
    const turn = () => {
      turns++;
      if (performance.now() < end) setImmediate(turn);
      else resolve(turns);
    };
    setImmediate(turn);
  });
}

describe("a thread that waits", () => {
  it("hardly polls, and is itself again afterwards", async () => {
    const rest = restInWaits();
    const busy = await turnsOf(200);
    const [endFirst, endSecond] = [rest(), rest()];
    // 0.15 ms at full speed, then sleeps of 0.05 to 1 ms.
    const resting = await turnsOf(200);
    endFirst();
    expect(await turnsOf(50)).toBeLessThan(400);
    endSecond();
    await turnsOf(1);
    const after = await turnsOf(200);
    expect(resting).toBeLessThan(800);
    expect(busy).toBeGreaterThan(3 * resting);
    expect(after).toBeGreaterThan(3 * resting);
  });

  it("sees the end of a short wait at once", async () => {
    const rest = restInWaits();
    const late: number[] = [];
    for (let i = 0; i < 9; i++) {
      const end = rest();
      const begin = performance.now();
      await new Promise((resolve) => setImmediate(resolve));
      late.push(performance.now() - begin);
      end();
    }
    expect(late.toSorted((a, b) => a - b)[4]).toBeLessThan(0.5);
  });

  it.runIf(process.platform === "linux")("has a low priority where the adapter computes on the CPU", async () => {
    const device = await testDevice();
    if (device.info.isCpu) expect(getPriority()).toBeGreaterThanOrEqual(lowPriority);
    else expect(getPriority()).toBeLessThan(lowPriority);
  });
});
