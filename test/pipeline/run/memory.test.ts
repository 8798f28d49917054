import { expect, test } from "vitest";
import { openNodeDevice } from "../../../engine/node.js";
import { resolveConfig } from "../../../pipeline/config/resolve.js";
import { makeStep } from "../../../pipeline/profile/steps.js";
import { estimateMemory } from "../../../pipeline/run/limits.js";

/** Bytes that a warm step takes at most beyond what lies there between steps, and what was expected of its activations. */
async function measure(config: string, kind: "train" | "ipb" | "fixmatch" | "contrastive", recompute: boolean) {
  const set = [`memory.recompute=${recompute}`, "batch=8", ...(kind === "fixmatch" ? ["method=fixmatch"] : [])];
  const resolved = resolveConfig({ config, preset: "tiny", set });
  const device = await openNodeDevice();
  const step = makeStep(device, resolved, 4, kind);
  let taken = 0;
  for (let i = 0; i < 2; i++) {
    const before = device.memory.live;
    device.pool.resetPeak();
    step.prepare();
    step.compute();
    await device.sync();
    taken = device.memory.peak - before;
  }
  step.release();
  device.close();
  return { taken, expected: estimateMemory(resolved).activations };
}

// Gradients of activations come and go while activations are freed, so the peak is little more than the activations alone.
test.each([
  ["vgg19", "train"],
  ["hrnet", "train"],
  ["ipb-vgg", "ipb"],
  ["ms-ipb-vgg", "ipb"],
  ["ipb-vgg", "fixmatch"],
  ["simclr", "contrastive"],
] as const)("a step of %s (%s) takes what is expected, recomputing too", async (config, kind) => {
  const [plain, saving] = [await measure(config, kind, false), await measure(config, kind, true)];
  for (const { taken, expected } of [plain, saving]) {
    expect(taken / expected, `${taken} bytes, ${expected} expected`).toBeGreaterThan(0.95);
    expect(taken / expected, `${taken} bytes, ${expected} expected`).toBeLessThan(1.25);
  }
  const [saved, promised] = [plain.taken - saving.taken, plain.expected - saving.expected];
  expect(saved / promised, `${saved} bytes saved, ${promised} expected`).toBeGreaterThan(0.85);
  expect(saved / promised, `${saved} bytes saved, ${promised} expected`).toBeLessThan(1.15);
});
