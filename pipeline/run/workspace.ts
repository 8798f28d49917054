import type { Device, Tensor } from "../../engine/index.js";
import { UserError } from "../../engine/index.js";
import { createNetwork, type Network } from "../../models/index.js";
import { Augmenter } from "../augment.js";
import type { Config } from "../config/schema.js";
import type { ScannedDataset } from "../data/scan.js";
import type { PatchSource } from "../data/source.js";
import { splitDataset, visibleLabels } from "../data/split.js";
import type { Dataset, Split } from "../data/types.js";
import { learnsFromViews, methods } from "../methods.js";
import type { Dropout } from "../stepState.js";
import { checkMemory, largestPass, modelOf } from "./limits.js";
import type { RunLog } from "./types.js";

/** A data set with its split and the labels that a run may use. */
export interface SplitData {
  readonly dataset: Dataset;
  readonly split: Split;
  /** Class per image of the dataset; -1 where it is hidden or unknown. */
  readonly labels: Int32Array;
}

/**
 * Splits a data set as the configuration says; warnings go to the log.
 * @throws UserError for what the method cannot learn from
 */
export function splitData(config: Config, dataset: ScannedDataset, log: RunLog): SplitData {
  const { data } = config;
  const { root } = dataset;
  const split = splitDataset(dataset, { ...data, seed: config.seed });
  for (const warning of [...dataset.warnings, ...split.warnings]) log.warn(warning);
  if (methods[config.method].unlabelled && split.U.length === 0) {
    const advice =
      data.supervisedOn === "L+U"
        ? 'with "data.supervisedOn" L+U all labels are used: set it to L'
        : `add a folder "${data.unlabelled[0] ?? "Unlabelled"}"`;
    throw new UserError(`${root}: there is no unlabelled image to learn from: ${advice}, or use --config vgg19`);
  }
  const images = split.L.length + split.U.length;
  if (learnsFromViews(config.method) && images < config.batch) {
    throw new UserError(
      `${root}: contrastive learning takes ${config.batch} different images in a batch, L and U have ${images}: use --set batch=${images} or less`,
    );
  }
  return { dataset, split, labels: visibleLabels(dataset, split) };
}

/** The device and what feeds it: patches of images, and batches on the GPU. */
export class Workspace {
  readonly augmenter: Augmenter;
  readonly dropout: Dropout;

  /**
   * Takes over device and loader, unless it throws.
   * @param training false: only forward passes will run
   * @throws UserError if the configuration does not fit the adapter
   */
  constructor(
    readonly config: Config,
    readonly device: Device,
    readonly loader: PatchSource,
    readonly classes: readonly string[],
    training: boolean,
  ) {
    if (training) checkMemory(config, device.limits.maxStorageBufferBindingSize, classes.length);
    const { patch, augment, dropout } = config;
    this.augmenter = new Augmenter(device, { ...patch, maxViews: largestPass(config), augment });
    this.dropout = { p: dropout, state: device.zeros([2], "dropout state", "u32") };
  }

  network(label: "teacher" | "student"): Network {
    const { seed, initialisation } = this.config;
    return createNetwork(this.device, {
      ...modelOf(this.config),
      classes: this.classes.length,
      seed,
      label,
      initialisation,
    });
  }

  /** Patches that one forward pass takes at most. */
  get views(): number {
    return largestPass(this.config);
  }

  labelTensor(): Tensor {
    return this.device.zeros([this.config.batch], "labels", "u32");
  }

  /** Gives back what the workspace took; the device stays open. */
  async release(): Promise<void> {
    await this.loader.close();
    this.augmenter.dispose();
    this.device.release(this.dropout.state);
  }

  async close(): Promise<void> {
    await this.loader.close();
    this.device.close();
  }
}
