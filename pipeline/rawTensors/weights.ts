import { type Device, UserError } from "../../engine/index.js";
import {
  balancedHeadName,
  createNetwork,
  featureSizes,
  isHrnet,
  isMultiScale,
  type ModelName,
  type ModelOptions,
  type Network,
  type RawTensor,
} from "../../models/index.js";

/** What a file of weights says about its network. */
export type Sizes = Pick<ModelOptions, "width" | "featureSize" | "classes">;

/** Channels of the first convolution at width 1, of every network. */
const firstChannels = 64;

/**
 * Width, classes and length of the features, from the shapes of a state dict.
 * @param source the file, for messages
 * @throws UserError if the layers that tell are missing
 */
export function sizesOf(weights: ReadonlyMap<string, RawTensor>, model: ModelName, source: string): Sizes {
  const shape = (name: string): number[] => {
    const found = weights.get(name)?.shape;
    if (found) return found;
    throw new UserError(
      `${source}: tensor "${name}" of ${model} is missing: choose the model that these weights were saved from`,
    );
  };
  const multi = isMultiScale(model);
  const first = isHrnet(model) ? "conv1" : multi ? "features_256.0" : "features.0";
  const width = (shape(`${first}.weight`)[0] ?? 0) / firstChannels;
  if (!isHrnet(model)) return { width, classes: shape("classifier.6.weight")[0] ?? 0 };
  const name = multi ? "classifier.1.weight" : "classifier.weight";
  const [classes = 0, joined = 0] = shape(name);
  const featureSize = joined / (multi ? 2 : 1);
  if (!featureSizes.some((size) => size === featureSize)) {
    throw new UserError(
      `${source}: "${name}" is for features of length ${featureSize}, known are ${featureSizes.join(" and ")}`,
    );
  }
  return { width, classes, featureSize };
}

/** The network that the weights were saved from, with them. @throws UserError naming what does not fit */
export function networkOf(
  device: Device,
  weights: ReadonlyMap<string, RawTensor>,
  { model, input, source }: { model: ModelName; input: number; source: string },
): Network {
  const sizes = sizesOf(weights, model, source);
  const balancedHead = weights.has(`${balancedHeadName}.weight`);
  const network = createNetwork(device, { ...sizes, model, input, seed: 0, label: model, balancedHead });
  try {
    network.loadStateDict(weights, source);
    return network;
  } catch (error) {
    network.release();
    throw error;
  }
}
