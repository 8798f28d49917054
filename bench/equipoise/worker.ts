import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Device } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import { packageVersion } from "../../pipeline/run/version.js";
import type { Engine, Inputs, Prepared, Spec } from "../peers/serve.mjs";
import { projectFolder } from "../project.js";
import { detectKinds } from "./detect.js";
import { prepareIpb } from "./ipb.js";
import { kernelKinds } from "./kernels.js";
import { copy, peakFma } from "./peaks.js";
import { prepareFirstStep, prepareStep } from "./step.js";

/** Equipoise as an engine of the benchmark: a process that `bench/run/process.ts` starts. */

type Protocol = typeof import("../peers/serve.mjs");

// The protocol is a plain module that the peers share; the build copies TypeScript only.
const served = pathToFileURL(join(projectFolder(), "bench/peers/serve.mjs")).href;
const { serve, Unsupported }: Protocol = await import(served);

let device: Device | undefined;

async function open({ adapter }: { adapter: string | null }) {
  device = await openNodeDevice(adapter === null ? {} : { adapter });
  const { info } = device;
  const name = info.device || info.description || `${info.vendor} ${info.architecture}`.trim();
  return { adapter: name, driver: info.description, version: packageVersion() };
}

const prepares: Record<string, (device: Device, spec: Spec, values: Inputs) => Promise<Prepared>> = {
  ...kernelKinds,
  ...detectKinds,
  "peak-fma": peakFma,
  copy,
  step: prepareStep,
  "first-step": prepareFirstStep,
  "ipb-step": (open, spec) => prepareIpb(open, spec, (reason) => new Unsupported(reason)),
};

const kinds: Engine["kinds"] = Object.fromEntries(
  Object.entries(prepares).map(([kind, prepare]) => [
    kind,
    (spec: Spec, values: Inputs) => {
      if (!device) throw new Error("a case before the device was opened");
      return prepare(device, spec, values);
    },
  ]),
);

await serve({ open, kinds, close: () => device?.close() });
