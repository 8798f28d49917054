/** Process that compiles kernels beside another one, for `compileHelpers`: it runs each once, which fills the driver's disk cache. */
import type { HelperDevice, HelperRequest } from "./compileHelper.js";
import * as kernels from "./generated/kernels.js";
import type { Kernel } from "./kernel.js";
import { openNodeDevice } from "./node.js";
import { warmUp } from "./warmUp.js";

const known = new Map(Object.values(kernels).map((kernel) => [kernel.name, kernel as unknown as Kernel]));

async function serve(options: HelperDevice): Promise<void> {
  const device = await openNodeDevice({ ...options, helpers: false });
  const ready = () => process.send?.("ready");
  process.on("disconnect", () => device.close());
  process.on("message", async ({ kernel: name, constants, params }: HelperRequest) => {
    const kernel = known.get(name);
    // What fails here fails in the other process too, where somebody reads the message.
    if (kernel) await warmUp(device, [{ kernel, constants, params }], () => {}).catch(() => process.exit(1));
    ready();
  });
  ready();
}

await serve(JSON.parse(process.argv[2] ?? "{}") as HelperDevice);
