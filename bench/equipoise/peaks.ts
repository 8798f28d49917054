import * as kernels from "../../engine/generated/kernels.js";
import type { Device } from "../../engine/index.js";
import { fold, streamGrid, workShape } from "../../engine/stream.js";
import type { Inputs, Prepared, Spec } from "../peers/serve.mjs";
import { releaseAll } from "./record.js";

/** The adapter's limits: what a percentage of the peak refers to. */

/** Multiply-adds of one invocation per step of the kernel: 8 rounds of 12 chains. */
const multiplyAddsPerStep = 96;
const steps = 2000;

/** The sum of the twelve chains c = c * a + b, which tend to b / (1 - a), in each invocation. */
export async function peakFma(device: Device, _spec: Spec, _values: Inputs): Promise<Prepared> {
  const { threads, invocations } = workShape(device);
  const WG = device.workFor === "gpu" ? threads : Math.max(threads, device.info.subgroupMaxSize);
  const workgroups = Math.ceil((8 * invocations) / WG);
  const seed = device.fromValues([-0.75, 0.5, 0, 0], [4], "peak seed");
  const out = device.empty([workgroups * WG], "peak out");
  const flops = workgroups * WG * steps * multiplyAddsPerStep * 2;
  return {
    // On a GPU the fused instruction is the adapter's rate; processors of a software adapter gain nothing by asking for it.
    run: () =>
      device.run(kernels.peakFma, { seed, out }, { steps }, fold(workgroups), { WG, FUSED: device.workFor === "gpu" }),
    sync: () => device.sync(),
    output: async () => (await device.read(out)).subarray(0, 1),
    finish: () => {
      releaseAll(device, [seed, out]);
      return { flops, expected: (12 * 0.5) / 1.75 };
    },
  };
}

export async function copy(device: Device, { sizes }: Spec, _values: Inputs): Promise<Prepared> {
  const floats = sizes.floats as number;
  const source = device.fromValues(new Float32Array(floats).fill(0.5), [floats], "copy source");
  const target = device.empty([floats], "copy target");
  const { grid, constants } = streamGrid(device, floats / 4);
  return {
    run: () => device.run(kernels.copy, { source, target_: target }, { count: floats / 4 }, grid, constants),
    sync: () => device.sync(),
    output: async () => (await device.read(target)).subarray(0, 16),
    finish: () => {
      releaseAll(device, [source, target]);
      return {};
    },
  };
}
