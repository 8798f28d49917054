import { type Device, UserError } from "../engine/index.js";
import type { Initialisation } from "./layers.js";
import { type Architecture, Network } from "./network.js";
import { msVgg19, vgg19, vggActivationBytes } from "./vgg.js";

export type { Initialisation } from "./layers.js";
export { type Architecture, Network, type NetworkInputs, type NetworkOutputs, type PassOptions } from "./network.js";
export {
  parseSafetensors,
  type RawTensor,
  readSafetensors,
  type SafetensorsFile,
  toFloat32,
  writeSafetensors,
} from "./safetensors.js";
export { msVgg19, vgg19 } from "./vgg.js";

export interface ModelOptions {
  /** `vgg19` or `ms-vgg19`. */
  readonly model: string;
  /** Factor on the convolutions' channels; 1 is the authors' network. */
  readonly width: number;
  /** Side of the square input (multi-scale: of the big scale), px. */
  readonly input: number;
  readonly classes: number;
  readonly seed: number;
  readonly label: string;
  readonly initialisation?: Initialisation;
}

/** Builds a network by name. @throws UserError naming the models there are. */
export function createNetwork(device: Device, options: ModelOptions): Network {
  return new Network(device, architecture(options.model, options.width, options.input), options);
}

/** Bytes per patch of a network's activations: the largest tensor, and all that a backward pass needs. */
export function activationBytes(options: Pick<ModelOptions, "model" | "width" | "input">): {
  largest: number;
  saved: number;
} {
  return vggActivationBytes(options.model === "ms-vgg19" ? "ms-vgg19" : "vgg19", options.width, options.input);
}

function architecture(model: string, width: number, input: number): Architecture {
  if (model === "vgg19") return vgg19(width, input);
  if (model === "ms-vgg19") return msVgg19(width);
  throw new UserError(`model "${model}" is not known: choose vgg19 or ms-vgg19`);
}
