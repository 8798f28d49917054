import type { Device } from "../engine/index.js";
import { type ArchitectureOptions, architecture, inputShapes } from "./catalogue.js";
import type { Initialisation } from "./declarations.js";
import { Network } from "./network.js";
import { type NetworkSummary, summarize } from "./summary.js";

export { balancedHeadName } from "./balancedHead.js";
export * from "./catalogue.js";
export type { Initialisation } from "./declarations.js";
export { Head, type HeadLayer, type HeadOptions, headLayers } from "./heads.js";
export type { Layers, Shaped } from "./layers.js";
export { type Architecture, Network, type NetworkInputs, type NetworkOutputs, type PassOptions } from "./network.js";
export {
  parseSafetensors,
  type RawTensor,
  readSafetensors,
  type SafetensorsFile,
  toFloat32,
  writeSafetensors,
} from "./safetensors.js";
export { type LayerKind, type LayerSummary, type NetworkSummary, summarize } from "./summary.js";

export interface ModelOptions extends ArchitectureOptions {
  readonly classes: number;
  readonly seed: number;
  readonly label: string;
  readonly initialisation?: Initialisation;
}

/** Builds a network by name. @throws UserError naming the models there are, or the nearest legal size of input. */
export function createNetwork(device: Device, options: ModelOptions): Network {
  return new Network(device, architecture(options), options);
}

/** The layers of a pass of `batch` patches, without a device. @throws UserError as `createNetwork` */
export function summarizeModel(options: ArchitectureOptions & { classes: number; batch?: number }): NetworkSummary {
  const { classes, batch = 1 } = options;
  return summarize(architecture(options), inputShapes(options, batch), classes);
}

/** Bytes per patch of a network's activations: the largest tensor, and all that a backward pass needs. */
export function activationBytes(options: ArchitectureOptions): { largest: number; saved: number } {
  const { layers } = summarizeModel({ ...options, classes: 4 });
  const bytes = layers.map((layer) => layer.bytes);
  return { largest: Math.max(...bytes), saved: bytes.reduce((a, b) => a + b, 0) };
}
