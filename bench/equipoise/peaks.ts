import * as kernels from "../../engine/generated/kernels.js";
import type { Device } from "../../engine/index.js";
import { fold, workShape } from "../../engine/stream.js";
import type { Inputs, Prepared, Spec } from "../peers/serve.mjs";
import { releaseAll } from "./record.js";

/** The adapter's limits: what a percentage of the peak refers to. The fastest of several ways to cut the work is taken. */

/** Multiply-adds of one invocation per step of the kernel: 8 rounds of 12 chains. */
const multiplyAddsPerStep = 96;
const steps = 2000;
const tries = 4;

/** The sum of the twelve chains c = c * a + b, each of which tends to b / (1 - a), in every invocation. */
export async function peakFma(device: Device, _spec: Spec, _values: Inputs): Promise<Prepared> {
  const invocations = 4 * workShape(device).invocations;
  const [a, b] = [-0.75, 0.5];
  const seed = device.fromValues([a, b, 0, 0], [4], "peak seed");
  const out = device.empty([invocations], "peak out");
  const ways = workgroups(device).flatMap((WG) => [false, true].map((FUSED) => ({ WG, FUSED })));
  const run = (way: { WG: number; FUSED: boolean }) =>
    device.run(kernels.peakFma, { seed, out }, { steps }, fold(invocations / way.WG), way);
  const best = await fastest(device, ways, run);
  return {
    run: () => run(best),
    sync: () => device.sync(),
    output: async () => {
      const sums = await device.read(out);
      const expected = (12 * b) / (1 - a);
      const wrong = sums.find((sum) => !(Math.abs(sum - expected) < 1e-4));
      if (wrong !== undefined) throw new Error(`the chains end at ${wrong}, expected ${expected}`);
      return sums;
    },
    finish: () => {
      releaseAll(device, [seed, out]);
      return { flops: 2 * multiplyAddsPerStep * steps * invocations, ...best };
    },
  };
}

export async function copy(device: Device, { sizes }: Spec, _values: Inputs): Promise<Prepared> {
  const floats = sizes.floats as number;
  const count = floats / 4;
  const values = new Float32Array(floats).map((_, i) => (i % 4096) / 4096);
  const source = device.fromValues(values, [floats], "copy source");
  const target = device.empty([floats], "copy target");
  const ways = workgroups(device).flatMap((WG) => [16, 64, 256].map((STEPS) => ({ WG, STEPS })));
  const run = (way: { WG: number; STEPS: number }) =>
    device.run(
      kernels.copy,
      { source, target_: target },
      { count },
      fold(Math.ceil(count / (way.WG * way.STEPS))),
      way,
    );
  const best = await fastest(device, ways, run);
  return {
    run: () => run(best),
    sync: () => device.sync(),
    output: () => device.read(target),
    finish: () => {
      releaseAll(device, [source, target]);
      return best;
    },
  };
}

/** On processor cores small workgroups, of which none waits for another, are enough. */
function workgroups(device: Device): number[] {
  return device.workFor === "cpu" ? [8, 16, 64] : [64, 128, 256];
}

async function fastest<W>(device: Device, ways: readonly W[], run: (way: W) => void): Promise<W> {
  let [best, bestMs] = [ways[0] as W, Number.POSITIVE_INFINITY];
  for (const way of ways) {
    // The first call compiles.
    for (let i = 0; i < tries; i++) {
      const begin = performance.now();
      run(way);
      await device.sync();
      const ms = performance.now() - begin;
      if (i > 0 && ms < bestMs) [best, bestMs] = [way, ms];
    }
  }
  return best;
}
