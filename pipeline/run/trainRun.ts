import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "../config/schema.js";
import { parseConfig } from "../config/stored.js";
import { readChoices, writeChoices } from "../tuning/store.js";
import { prepareChoices } from "../tuning/tuneRun.js";
import { readCheckpoint } from "./checkpoint.js";
import { adapterName, checkSameImages, dataRootOf, environmentOf, readEnvironment } from "./environment.js";
import { FolderStore, makeRunFolders, noRun, type RunPaths, readJson, runPaths, writeJson } from "./folder.js";
import { withRunLock } from "./lock.js";
import { openData, openWorkspace } from "./open.js";
import { checkImages, runTraining } from "./training.js";
import type { ResumeOptions, RunResult, TrainOptions } from "./types.js";
import type { SplitData, Workspace } from "./workspace.js";

/**
 * Trains, tests and writes a run folder that stands alone. Nothing is written before data, configuration and adapter fit.
 * @throws UserError for data, configuration or an adapter that do not fit; LockedError while another process trains into the
 * same folder; the signal's reason when aborted
 */
export async function trainRun(options: TrainOptions): Promise<RunResult> {
  const paths = runPaths(resolve(options.out));
  return withRunLock(paths.root, () => train(paths, options));
}

async function train(paths: RunPaths, options: TrainOptions): Promise<RunResult> {
  const { log, adapter, signal } = options;
  const config = standAlone(options.config);
  const data = await openData(config, resolve(options.dataRoot), log);
  return withWorkspace(config, data, adapter, async (ws) => {
    await checkImages(ws, data, { log, signal });
    await prepareChoices(ws.device, options.tune ?? "cached", config, ws.classes.length, { log, signal });
    await makeRunFolders(paths);
    writeChoices(paths.tuning, ws.device.choices);
    writeJson(paths.environment, await environmentOf(ws, data));
    writeJson(paths.config, config);
    return runTraining(ws, data, new FolderStore(paths), options, null);
  });
}

/**
 * Continues a run from its last checkpoint, to bitwise the same weights as without the stop (on the same adapter). A
 * finished run is left as it is.
 * @throws LockedError while another process works on the run; otherwise as {@link trainRun}
 */
export async function resumeRun(run: string, options: ResumeOptions): Promise<RunResult> {
  const paths = runPaths(resolve(run));
  const config = readRunConfig(paths);
  return withRunLock(paths.root, () => goOn(config, paths, options));
}

async function goOn(config: Config, paths: RunPaths, options: ResumeOptions): Promise<RunResult> {
  const environment = readEnvironment(paths);
  if (existsSync(paths.result)) {
    options.log.info(`${paths.root}: this run has finished, there is nothing to continue`);
    return readJson(paths.result, "remove it, and resume the run to test it again") as RunResult;
  }
  const store = new FolderStore(paths);
  const checkpoint = await readCheckpoint(store);
  const data = await openData(config, dataRootOf(paths, environment), options.log);
  await checkSameImages(data, environment, "start a new run");
  return withWorkspace(config, data, options.adapter, async (ws) => {
    await makeRunFolders(paths);
    ws.device.choices.set(readChoices(paths.tuning));
    if (!checkpoint) options.log.info("there is no checkpoint yet: the run starts from its beginning");
    const [before, now] = [adapterName(environment.adapter), adapterName(ws.device.info)];
    if (before !== now)
      options.log.warn(
        `the run began on ${before} and goes on on ${now}: its weights will differ in their last digits`,
      );
    return runTraining(ws, data, store, options, checkpoint);
  });
}

/** The configuration with absolute paths, so that a run is resumed from wherever. */
function standAlone(config: Config): Config {
  const { labels } = config.data;
  return labels === null ? config : { ...config, data: { ...config.data, labels: resolve(labels) } };
}

export function readRunConfig(paths: RunPaths): Config {
  return parseConfig(readJson(paths.config, noRun), paths.config);
}

async function withWorkspace<T>(
  config: Config,
  { dataset }: SplitData,
  adapter: string | undefined,
  work: (ws: Workspace) => Promise<T>,
): Promise<T> {
  const ws = await openWorkspace(config, dataset.images, dataset.classes, { adapter, training: true });
  try {
    return await work(ws);
  } finally {
    await ws.close();
  }
}
