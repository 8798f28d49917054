import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "../../engine/index.js";
import { type Network, readSafetensors } from "../../models/index.js";
import type { Config } from "../config/schema.js";
import { scanDataset } from "../data/scan.js";
import { chance, majority } from "../metrics.js";
import { readChoices } from "../tuning/store.js";
import { checkSameImages, dataRootOf, type Environment, readEnvironment } from "./environment.js";
import { type RunPaths, runPaths } from "./folder.js";
import { openData, openWorkspace } from "./open.js";
import { testNetworks } from "./testNetworks.js";
import { readRunConfig } from "./trainRun.js";
import type { EvaluateOptions, EvaluationResult, RunLog } from "./types.js";
import type { SplitData, Workspace } from "./workspace.js";

/** Tests the networks of a finished run: on its own test part, or on another folder of labelled images. */
export async function evaluateRun(run: string, options: EvaluateOptions): Promise<EvaluationResult> {
  const paths = runPaths(resolve(run));
  const config = readRunConfig(paths);
  const environment = readEnvironment(paths);
  const { dataset } = environment;
  const data =
    options.data === undefined
      ? await ownData(config, paths, environment, options.log)
      : await otherData(options.data, dataset.classes, config.data);
  const ws = await openWorkspace(config, data.dataset.images, dataset.classes, {
    adapter: options.adapter,
    training: false,
  });
  try {
    ws.device.choices.set(readChoices(paths.tuning));
    const { split, labels } = data;
    const student = loadNetwork(ws, "student", paths);
    const teacher = existsSync(paths.teacher) ? loadNetwork(ws, "teacher", paths) : null;
    const { patches = config.test.patches, log, signal } = options;
    const { probabilities, ...tested } = await testNetworks(ws, { student, teacher }, data, {
      ...{ patches, log },
      ...(signal && { signal }),
    });
    const known = [...split.L, ...split.validation].map((i) => labels[i] as number);
    const truth = split.T.map((i) => labels[i] as number);
    return {
      classes: dataset.classes,
      chance: chance(dataset.classes),
      majority: known.length > 0 ? majority(known, truth) : null,
      ...tested,
    };
  } finally {
    await ws.close();
  }
}

/** A network with the weights that a run left. @throws UserError naming the file if it is missing. */
export function loadNetwork(ws: Workspace, role: "teacher" | "student", paths: RunPaths): Network {
  const file = paths[role];
  if (!existsSync(file))
    throw new UserError(`${file}: is missing: the run has not finished; continue it with "equipoise resume"`);
  const network = ws.network(role);
  network.loadStateDict(readSafetensors(readFileSync(file), file), file);
  return network;
}

async function ownData(config: Config, paths: RunPaths, environment: Environment, log: RunLog): Promise<SplitData> {
  const data = await openData(config, dataRootOf(paths, environment), log);
  await checkSameImages(data, environment, "name the images to test with --data");
  return data;
}

/** All labelled images of another folder as the test part; its classes must be known to the run. */
async function otherData(
  root: string,
  classes: readonly string[],
  options: { unlabelled: string[]; multiLabel: string[] },
): Promise<SplitData> {
  const there = (name: string) => [name, `images/${name}`].some((path) => existsSync(join(root, path)));
  const dataset = await scanDataset(resolve(root), {
    unlabelled: options.unlabelled.filter(there),
    multiLabel: options.multiLabel.filter(there),
  });
  const place = dataset.classes.map((name) => {
    const at = classes.indexOf(name);
    if (at < 0)
      throw new UserError(
        `${root}: class "${name}" is not known to the run, which knows ${classes.join(", ")}: rename or remove the folder`,
      );
    return at;
  });
  const labels = Int32Array.from(dataset.images, ({ label }) => (label === null ? -1 : (place[label] as number)));
  const T = dataset.images.flatMap((_, i) => ((labels[i] as number) >= 0 ? [i] : []));
  return { dataset, labels, split: { L: [], validation: [], U: [], T, warnings: [] } };
}
