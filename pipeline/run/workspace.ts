import type { Device, Tensor } from "../../engine/index.js";
import { UserError } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import { createNetwork, type Network } from "../../models/index.js";
import { Augmenter } from "../augment.js";
import type { Config } from "../config/schema.js";
import { PatchLoader } from "../data/loader.js";
import { scanDataset } from "../data/scan.js";
import { splitDataset, visibleLabels } from "../data/split.js";
import type { Dataset, ImageRecord, Split } from "../data/types.js";
import { methods } from "../methods.js";
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

/** Scans and splits a folder as the configuration says; warnings go to the log. */
export async function openData(config: Config, root: string, log: RunLog): Promise<SplitData> {
  const { data } = config;
  const dataset = await scanDataset(root, data);
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
  if (config.method === "simclr" && images < config.batch) {
    throw new UserError(
      `${root}: contrastive learning takes ${config.batch} different images in a batch, L and U have ${images}: use --set batch=${images} or less`,
    );
  }
  return { dataset, split, labels: visibleLabels(dataset, split) };
}

/** The device and what feeds it: patches from files, and batches on the GPU. */
export class Workspace {
  private constructor(
    readonly config: Config,
    readonly device: Device,
    readonly loader: PatchLoader,
    readonly augmenter: Augmenter,
    readonly dropout: Dropout,
    readonly classes: readonly string[],
  ) {}

  /**
   * @param training false: only forward passes will run
   * @throws GpuError if no adapter fits; UserError if the configuration does not fit the adapter
   */
  static async open(
    config: Config,
    images: readonly ImageRecord[],
    classes: readonly string[],
    options: { adapter?: string | undefined; training: boolean },
  ): Promise<Workspace> {
    const device = await openNodeDevice(options.adapter === undefined ? {} : { adapter: options.adapter });
    try {
      if (options.training) checkMemory(config, device.limits.maxStorageBufferBindingSize, classes.length);
      const { patch } = config;
      const augmenter = new Augmenter(device, { ...patch, maxViews: largestPass(config), augment: config.augment });
      const state = device.zeros([2], "dropout state", "u32");
      const loader = new PatchLoader(images, {
        size: patch.size,
        minForeground: patch.minForeground,
        tries: patch.tries,
        workers: config.workers,
        cacheBytes: config.cacheMegabytes * 2 ** 20,
        seed: config.seed,
        cpuAdapter: device.info.isCpu,
      });
      return new Workspace(config, device, loader, augmenter, { p: config.dropout, state }, classes);
    } catch (error) {
      device.close();
      throw error;
    }
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

  async close(): Promise<void> {
    await this.loader.close();
    this.device.close();
  }
}
