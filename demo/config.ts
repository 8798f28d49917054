import { type ConfigRequest, resolveConfig } from "../pipeline/config/resolve.js";
import type { Config } from "../pipeline/config/schema.js";

/** Seed of the demo's images and of its training. */
export const demoSeed = 1;

/** A run that a software adapter on two cores finishes in a few minutes: IPB on VGG19 at width 1/8, few and short epochs. */
export const demoRequest: ConfigRequest = {
  config: "ml-ipb-vgg",
  preset: "tiny",
  recipe: "small-data",
  seed: demoSeed,
  set: [
    "data.labelledFraction=0.3",
    // A fifth of the images to test on: a tenth would be too few to tell anything.
    "data.folds=5",
    // So few steps leave no time for strong changes of the patches, nor for dropout.
    "augment.labelled=flips",
    "augment.brightness=0.2",
    "augment.contrast=0.2",
    "augment.blurSigma=[0.1, 0.7]",
    "dropout=0",
    "pretrain.epochs=75",
    "train.epochs=4",
    "finetune.epochs=4",
    "logEvery=5",
  ],
};

export function demoConfig(): Config {
  return { ...resolveConfig(demoRequest), config: "demo" };
}
