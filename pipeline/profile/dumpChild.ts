/**
 * A process that compiles kernels with Dawn's toggle `dump_shaders` and ends: Dawn prints the code of each to stdout. Its job
 * is a `DumpJob` on stdin.
 */
import { text } from "node:stream/consumers";
import * as kernels from "../../engine/generated/kernels.js";
import type { Kernel } from "../../engine/kernel.js";
import { specialise } from "../../engine/kernel.js";
import { openNodeDevice } from "../../engine/node.js";
import type { DumpJob } from "./dumpShaders.js";

const job = JSON.parse(await text(process.stdin)) as DumpJob;
const known: readonly Kernel[] = Object.values(kernels) as unknown as Kernel[];
const device = await openNodeDevice({
  dawn: ["enable-dawn-features=dump_shaders"],
  ...(job.adapter === null ? {} : { adapter: job.adapter }),
});
try {
  for (const { kernel: name, constants } of job.kernels) {
    const kernel = known.find((one) => one.name === name);
    if (!kernel) throw new Error(`there is no kernel "${name}"`);
    const { code, overrides } = specialise(kernel, constants);
    const module = device.gpu.createShaderModule({ label: kernel.file, code });
    const compute = { module, entryPoint: kernel.entryPoint, constants: overrides };
    device.gpu.createComputePipeline({ label: kernel.name, layout: "auto", compute });
  }
  await device.sync();
} finally {
  device.close();
}
