import { constants, existsSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../../engine/index.js";
import { isFolder, listImages } from "../data/listing.js";
import type { ImageRecord } from "../data/types.js";
import { readChoices } from "../tuning/store.js";
import { classify } from "./classify.js";
import { readEnvironment } from "./environment.js";
import { loadNetwork } from "./evaluateRun.js";
import { reason, runPaths } from "./folder.js";
import { openWorkspace } from "./open.js";
import { writePredictions } from "./predictions.js";
import { readRunConfig } from "./trainRun.js";
import type { PredictOptions } from "./types.js";

/**
 * Classifies image files, or all PNG files of folders, with the student of a run and writes a CSV. Masks are not needed:
 * patches are cut from the middle, or in an even grid.
 * @returns the number of images
 * @throws UserError naming a file that is missing, cannot be read or cannot be written
 */
export async function predictRun(run: string, inputs: readonly string[], options: PredictOptions): Promise<number> {
  const paths = runPaths(resolve(run));
  const config = readRunConfig(paths);
  const { dataset } = readEnvironment(paths);
  await checkWritable(options.out);
  const files = (await Promise.all(inputs.map(imageFiles))).flat();
  const images: ImageRecord[] = files.map((file) => ({
    id: file,
    file: resolve(file),
    mask: null,
    part: "unlabelled",
    label: null,
    group: null,
  }));
  if (!existsSync(paths.student))
    throw new UserError(`${paths.student}: is missing: the run has not finished; continue it with "equipoise resume"`);
  const ws = await openWorkspace(config, images, dataset.classes, { adapter: options.adapter, training: false });
  try {
    ws.device.choices.set(readChoices(paths.tuning));
    const network = loadNetwork(ws, "student", paths.student);
    const onProgress = (done: number, total: number) => options.log.progress({ label: "classifying", done, total });
    const probabilities = await classify(
      ws,
      network,
      images.map((_, i) => i),
      { patches: options.patches ?? config.test.patches, onProgress },
    );
    const rows = files.map((file, i) => ({ file, probabilities: probabilities[i] as Float32Array }));
    await writePredictions(options.out, rows, dataset.classes);
    return files.length;
  } finally {
    await ws.close();
  }
}

/** The file itself, or all PNG files below a folder (below its `images`, where there is one: `masks` lies beside it). */
async function imageFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => null);
  if (!found) throw new UserError(`${path}: there is no such file or folder`);
  if (!found.isDirectory()) return [path];
  const images = join(path, "images");
  const root = (await isFolder(images)) ? images : path;
  const files = (await listImages(root)).files.map((file) => join(root, file));
  if (files.length === 0) throw new UserError(`${path}: there are no PNG files in this folder`);
  return files;
}

/** Before hours of work: @throws UserError if the table could not be written. */
async function checkWritable(file: string): Promise<void> {
  const folder = dirname(resolve(file));
  const isTaken = await isFolder(file);
  if (isTaken) throw new UserError(`--out ${file}: is a folder; give the name of a CSV file`);
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new UserError(
      `--out ${file}: cannot be written (${reason(error)}); choose a folder that exists and is writable`,
    );
  });
}
