import type { Device } from "./device.js";
import type { PipelineRequest } from "./pipelines.js";
import type { Tensor } from "./tensor.js";

/** Floats of the tensors that a warm-up works on: kernels are bounds-checked, so any size will do. */
const scratchFloats = 4096;

/**
 * Runs one workgroup of each kernel on scratch memory. A CPU adapter makes machine code at the first dispatch, not with the
 * pipeline: this way the user sees how far it is, and the first step is like the others.
 */
export async function warmUp(device: Device, requests: readonly PipelineRequest[], onDone: () => void): Promise<void> {
  const { observer } = device;
  device.observer = null;
  const scratch: Tensor[] = [];
  try {
    for (const request of requests) {
      runOnce(device, request, scratch);
      await device.sync();
      onDone();
    }
  } finally {
    device.observer = observer;
    for (const tensor of scratch) device.release(tensor);
  }
}

/** @param scratch grows to the number of bindings; each has a tensor of its own, since outputs must not overlap. */
function runOnce(device: Device, { kernel, constants, params }: PipelineRequest, scratch: Tensor[]): void {
  const names = kernel.bindings.filter(({ access }) => access !== "uniform").map(({ name }) => name);
  while (scratch.length < names.length) scratch.push(device.zeros([scratchFloats], "warm-up"));
  const bindings = Object.fromEntries(names.map((name, i) => [name, scratch[i] as Tensor]));
  device.run(kernel, bindings, params, [1, 1, 1], constants);
}
