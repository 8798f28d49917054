import type { Device } from "./device.js";
import type { PipelineRequest } from "./pipelines.js";
import type { Tensor } from "./tensor.js";

/** Floats of the tensors that a warm-up works on: kernels are bounds-checked, so any size will do. */
const scratchFloats = 4096;

/** Help is called when compiling has taken this long, ms, and this many kernels are left: not where a cache holds them. */
const helpAfterMs = 400;
const helpFrom = 4;

/**
 * Compiles what `take` gives, beside this process, until it gives nothing; the driver's cache then holds it. `onDone` gets each of
 * them back, those too that could not be compiled.
 */
export type CompileElsewhere = (
  take: () => PipelineRequest | undefined,
  onDone: (request: PipelineRequest) => void,
) => Promise<void>;

/**
 * Runs one workgroup of each kernel on scratch memory. A CPU adapter makes machine code at the first dispatch, not with the
 * pipeline: this way the user sees how far it is, and the first step is like the others.
 * @param onDone called for each kernel
 */
export async function warmUp(
  device: Device,
  requests: readonly PipelineRequest[],
  onDone: () => void,
  elsewhere: CompileElsewhere | null = null,
): Promise<void> {
  const { observer } = device;
  device.observer = null;
  const scratch: Tensor[] = [];
  const queue = [...requests];
  const cached: PipelineRequest[] = [];
  const compiled = (request: PipelineRequest) => {
    cached.push(request);
    onDone();
  };
  const begun = performance.now();
  let help: Promise<void> | null = null;
  try {
    for (let request = queue.shift(); request; request = queue.shift()) {
      await runOnce(device, request, scratch);
      onDone();
      if (!help && elsewhere && queue.length >= helpFrom && performance.now() - begun > helpAfterMs)
        help = elsewhere(() => queue.pop(), compiled);
    }
    await help;
    for (const request of cached) await runOnce(device, request, scratch);
  } finally {
    queue.length = 0;
    device.observer = observer;
    for (const tensor of scratch) device.release(tensor);
  }
}

/** @param scratch grows to the number of bindings; each has a tensor of its own, since outputs must not overlap. */
async function runOnce(
  device: Device,
  { kernel, constants, params }: PipelineRequest,
  scratch: Tensor[],
): Promise<void> {
  const names = kernel.bindings.filter(({ access }) => access !== "uniform").map(({ name }) => name);
  while (scratch.length < names.length) scratch.push(device.zeros([scratchFloats], "warm-up"));
  const bindings = Object.fromEntries(names.map((name, i) => [name, scratch[i] as Tensor]));
  device.run(kernel, bindings, params, [1, 1, 1], constants);
  await device.sync();
}
