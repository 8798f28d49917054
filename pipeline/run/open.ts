import { openNodeDevice } from "../../engine/node.js";
import type { Config } from "../config/schema.js";
import { PatchLoader } from "../data/loader.js";
import { scanDataset } from "../data/scan.js";
import type { ImageRecord } from "../data/types.js";
import type { RunLog } from "./types.js";
import { type SplitData, splitData, Workspace } from "./workspace.js";

/** Scans and splits a folder as the configuration says; warnings go to the log. */
export async function openData(config: Config, root: string, log: RunLog): Promise<SplitData> {
  return splitData(config, await scanDataset(root, config.data), log);
}

/**
 * Opens an adapter for a run over image files.
 * @param options.training false: only forward passes will run
 * @throws GpuError if no adapter fits; UserError if the configuration does not fit the adapter
 */
export async function openWorkspace(
  config: Config,
  images: readonly ImageRecord[],
  classes: readonly string[],
  options: { adapter?: string | undefined; training: boolean },
): Promise<Workspace> {
  const device = await openNodeDevice(options.adapter === undefined ? {} : { adapter: options.adapter });
  try {
    const { patch } = config;
    const loader = new PatchLoader(images, {
      size: patch.size,
      minForeground: patch.minForeground,
      tries: patch.tries,
      workers: config.workers,
      cacheBytes: config.cacheMegabytes * 2 ** 20,
      seed: config.seed,
      cpuAdapter: device.info.isCpu,
    });
    return new Workspace(config, device, loader, classes, options.training);
  } catch (error) {
    device.close();
    throw error;
  }
}
