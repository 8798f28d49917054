import type { AdapterInfo, Device } from "../../../engine/index.js";
import { defaults } from "../../../pipeline/config/defaults.js";
import { merge } from "../../../pipeline/config/layers.js";
import { presets } from "../../../pipeline/config/presets.js";
import { recipes } from "../../../pipeline/config/recipes.js";
import { type Config, configSchema } from "../../../pipeline/config/schema.js";
import type { ProfileDocument } from "../../../pipeline/profile/document.js";
import { profileStep } from "../../../pipeline/profile/profileStep.js";
import { makeStep } from "../../../pipeline/profile/steps.js";
import { readWeights } from "../../../pipeline/weights.js";
import type { DeviceProvider } from "./device.js";

/** Filled in by scripts/site.mjs. */
declare const PACKAGE_VERSION: string;

/** Networks that can be looked into without a file; as `--set` would say it. */
const networks = {
  compact: { model: "vgg-compact", width: 0.125, patch: { size: 32, smallSize: null } },
  vgg19: { model: "vgg19", width: 0.125, patch: { size: 64, smallSize: null } },
  hrnet: { model: "hrnet-small-v1", width: 0.25, patch: { size: 64, smallSize: null } },
} as const;
export type NetworkName = keyof typeof networks;

export interface InsideRequest {
  readonly step: "train" | "ipb" | "predict";
  /** One of the known networks, or a weights file with its metadata. */
  readonly network: NetworkName | { readonly file: Uint8Array; readonly name: string };
  readonly batch: number;
  /** Steps that are timed. */
  readonly repeats: number;
}

export type InsideProgress = (doing: string, done: number, total: number) => void;

/** What the adapter is and allows. */
export interface AdapterReport {
  readonly info: AdapterInfo;
  readonly workFor: "cpu" | "gpu";
  readonly features: readonly string[];
  /** By name; what this device was opened with. */
  readonly limits: Readonly<Record<string, number>>;
  /** Bytes of tensors in use, kept for reuse, and the most there were. */
  readonly memory: { readonly live: number; readonly pooled: number; readonly peak: number };
}

/** Classes of the networks that come without a file. */
const exampleClasses = 4;

/** The worker's part of the section Inside: what a step costs, kernel by kernel. */
export class InsideService {
  readonly #devices: DeviceProvider;
  #running: AbortController | null = null;

  constructor(devices: DeviceProvider) {
    this.#devices = devices;
  }

  async adapter(): Promise<AdapterReport> {
    const { info, workFor, gpu, memory } = await this.#devices.get();
    const { live, pooled, peak } = memory;
    return {
      info,
      workFor,
      features: [...gpu.features].sort(),
      limits: limitsOf(gpu.limits),
      memory: { live, pooled, peak },
    };
  }

  /**
   * Profiles a step on noise; what else wants the device waits.
   * @param onProgress told what is being done, and how much of it: a `Comlink.proxy`
   * @throws UserError if the file is no weights; an AbortError after `cancel()`; GpuError
   */
  async profile(request: InsideRequest, onProgress: InsideProgress): Promise<ProfileDocument> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const { config, classes } = configOf(request);
    return this.#devices.useTuned(async (device) => {
      const step = makeStep(device, config, classes, request.step);
      try {
        const { signal } = running;
        const tell = (doing: string) => (done: number, total: number) => {
          signal.throwIfAborted();
          onProgress(doing, done, total);
        };
        tell("Compiling kernels")(0, 1);
        await device.precompile(step.compute, tell("Compiling kernels"));
        const { repeats } = request;
        const measuring = { repeats, signal, onProgress: tell("Measuring steps") };
        const { eager: _, ...measured } = await profileStep(device, step, measuring);
        const { model, width, patch, batch } = config;
        return {
          ...head(device),
          subject: { step: request.step, model, width, input: patch.size, batch, classes },
          ...measured,
        };
      } finally {
        step.release();
        device.pool.trim(); // the roofline's buffers are large
      }
    });
  }

  cancel(): void {
    this.#running?.abort();
  }
}

function head(device: Device): Pick<ProfileDocument, "format" | "version" | "equipoise" | "created" | "adapter"> {
  return {
    format: "equipoise-profile",
    version: 1,
    equipoise: PACKAGE_VERSION,
    created: new Date().toISOString(),
    adapter: {
      ...device.info,
      workFor: device.workFor,
      subgroups: device.gpu.features.has("subgroups" as GPUFeatureName),
    },
  };
}

/** The configuration of a network that is looked into, and its number of classes. @throws UserError if the file is no weights */
export function configOf({ network, batch }: InsideRequest): { config: Config; classes: number } {
  if (typeof network !== "string") {
    const { config, classes } = readWeights(network.file, network.name);
    return { config: { ...config, batch }, classes: classes.length };
  }
  const layers = merge(defaults, recipes["small-data"], presets.tiny.layer, networks[network], { batch });
  const config = configSchema.parse(layers);
  return { config, classes: exampleClasses };
}

/** Limits are getters of a prototype. */
function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  const names = Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(limits)));
  const values = names.map((name) => [name, (limits as unknown as Record<string, unknown>)[name]] as const);
  return Object.fromEntries(values.filter((pair): pair is [string, number] => typeof pair[1] === "number"));
}
