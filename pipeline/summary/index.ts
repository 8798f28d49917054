import { totalmem } from "node:os";
import { adapterInfo } from "../../engine/device.js";
import { listNodeAdapters } from "../../engine/node.js";
import {
  type ArchitectureOptions,
  isMultiScale,
  type LayerSummary,
  modelName,
  summarizeModel,
} from "../../models/index.js";
import {
  activationSum,
  batchBound,
  batchWithin,
  largestTensor,
  type Method,
  type TrainingMemory,
  trainingMemory,
} from "./memory.js";

export interface SummaryOptions extends Omit<ArchitectureOptions, "input"> {
  /** Side of the patch, px; default: the article's, 128 or 224. */
  readonly input?: number | undefined;
  readonly classes: number;
  /** Patches of a batch, for the memory of a training step. */
  readonly batch: number;
  readonly method: Method;
  /** Whether outputs of batch norm are made again in the backward pass (`memory.recompute`). Default false. */
  readonly recompute?: boolean | undefined;
  /** Memory that training may take, GB; default: half of the system's on adapters that compute on the CPU. */
  readonly memory?: number | undefined;
}

/** What a network costs, before it is run. Layers, multiply-adds and activations are those of one patch. */
export interface ModelSummary {
  readonly model: string;
  readonly width: number;
  readonly input: number;
  readonly classes: number;
  readonly layers: readonly LayerSummary[];
  readonly totals: {
    readonly parameters: number;
    /** Those that have a gradient. */
    readonly trainable: number;
    readonly macs: number;
    readonly activationBytes: number;
    readonly largestTensorBytes: number;
  };
  readonly training: {
    readonly method: Method;
    readonly recompute: boolean;
    readonly batch: number;
    readonly bytes: TrainingMemory;
  };
  readonly limits: Limits;
  /** Patches; null where the limit is not known. `largest` is the smaller one. */
  readonly batches: {
    readonly binding: number | null;
    readonly memory: number | null;
    readonly largest: number | null;
  };
}

export interface Limits {
  /** Null: there is no adapter. */
  readonly adapter: string | null;
  /** Bytes of the largest tensor. */
  readonly bindingBytes: number | null;
  readonly memoryBytes: number | null;
  /** Where `memoryBytes` comes from, or why there is none. */
  readonly memoryFrom: string;
}

/** @throws UserError for an unknown model, or a size that it does not take */
export async function summarizeForTraining(options: SummaryOptions): Promise<ModelSummary> {
  const model = modelName(options.model);
  const { width, featureSize, classes, batch, method, recompute = false } = options;
  const input = options.input ?? (isMultiScale(model) ? 224 : 128);
  const network = summarizeModel({ model, width, input, featureSize, classes });
  const limits = await readLimits(options.memory);
  const { bindingBytes, memoryBytes } = limits;
  const binding = bindingBytes === null ? null : batchBound(network, bindingBytes, method);
  const memory = memoryBytes === null ? null : batchWithin(network, memoryBytes, { method, recompute });
  const known = [binding, memory].filter((value) => value !== null);
  return {
    model,
    width,
    input,
    classes,
    layers: network.layers,
    totals: {
      parameters: network.parameters,
      trainable: network.trainable,
      macs: network.macs,
      activationBytes: activationSum(network),
      largestTensorBytes: largestTensor(network),
    },
    training: { method, recompute, batch, bytes: trainingMemory(network, batch, { method, recompute }) },
    limits,
    batches: { binding, memory, largest: known.length > 0 ? Math.min(...known) : null },
  };
}

async function readLimits(gigabytes: number | undefined): Promise<Limits> {
  // Without an adapter, or a driver that loads, the counts are still to be had.
  const [adapter] = await listNodeAdapters().catch(() => []);
  const info = adapter ? adapterInfo(adapter) : null;
  const bindingBytes = adapter
    ? Math.min(adapter.limits.maxStorageBufferBindingSize, adapter.limits.maxBufferSize)
    : null;
  const name = info && (info.description || info.device || info.vendor);
  if (gigabytes !== undefined)
    return { adapter: name, bindingBytes, memoryBytes: gigabytes * 1e9, memoryFrom: "--memory" };
  if (info?.isCpu)
    return { adapter: name, bindingBytes, memoryBytes: systemMemory() / 2, memoryFrom: "half of the system's memory" };
  const why = info
    ? "WebGPU does not tell the memory of a GPU: give --memory GB"
    : "there is no adapter: give --memory GB";
  return { adapter: name, bindingBytes, memoryBytes: null, memoryFrom: why };
}

/** Bytes of the machine, or of the container where that is less. */
function systemMemory(): number {
  const container = process.constrainedMemory();
  return container > 0 ? Math.min(container, totalmem()) : totalmem();
}
