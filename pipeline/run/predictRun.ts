import { constants, existsSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../../engine/index.js";
import { isFolder, listImages } from "../data/listing.js";
import type { ImageRecord } from "../data/types.js";
import { type GalleryImage, galleryPage, mostUncertain } from "../predictions/gallery.js";
import { type InputImage, type JoinedColumns, joinFacts, readPlate } from "../predictions/join.js";
import { readChoices } from "../tuning/store.js";
import { type Classifier, classify } from "./classify.js";
import { readEnvironment } from "./environment.js";
import { loadNetwork } from "./evaluateRun.js";
import { reason, runPaths, writeAtomic } from "./folder.js";
import { tellNotes } from "./notes.js";
import { openWorkspace } from "./open.js";
import { writePredictions } from "./predictions.js";
import { readRunConfig } from "./trainRun.js";
import type { AnswerChoice, PredictOptions } from "./types.js";
import type { Workspace } from "./workspace.js";

/** Images in a gallery where nothing else is asked for. */
const gallerySizeDefault = 200;

/**
 * Classifies image files, or all images of folders, with the student of a run (or its teacher, or both) and writes a CSV; well, time and what a plate map
 * says are joined to it (`joinFacts`). Masks are not needed: patches are cut from the middle, or in an even grid.
 * @returns the number of images
 * @throws UserError naming a file that is missing, cannot be read or cannot be written
 */
export async function predictRun(run: string, inputs: readonly string[], options: PredictOptions): Promise<number> {
  const { out, gallery, plate, log } = options;
  await checkWritable("--out", out, "a CSV file");
  if (gallery !== undefined) await checkWritable("--gallery", gallery, "an HTML file");
  const map = plate === undefined ? null : readPlate(plate);
  const images = await inputImages(inputs);
  const joined = joinFacts(images, map, log);
  return withNetworks(run, images, options, async (ws, classifier) => {
    const probabilities = await classify(
      ws,
      classifier,
      images.map((_, i) => i),
      {
        patches: options.patches ?? ws.config.test.patches,
        onProgress: (done, total) => log.progress({ label: "classifying", done, total }),
      },
    );
    tellNotes(ws.loader.takeNotes(), log);
    const rows = images.map(({ file }, i) => ({ file, probabilities: probabilities[i] as Float32Array }));
    await writePredictions(out, rows, ws.classes, joined);
    if (gallery !== undefined) writeAtomic(gallery, await galleryOf(ws, rows, joined, options));
    return images.length;
  });
}

/**
 * Opens networks of a finished run on image files, lets `work` use them and closes them.
 * @param images each with its mask, where there is one
 * @param options.network which; default: the student
 * @throws UserError where the run has not finished, or has no teacher and one is wanted
 */
export async function withNetworks<T>(
  run: string,
  images: readonly { readonly file: string; readonly mask?: string | null }[],
  { network = "student", adapter }: { network?: AnswerChoice; adapter?: string },
  work: (ws: Workspace, classifier: Classifier) => Promise<T>,
): Promise<T> {
  const paths = runPaths(resolve(run));
  const config = readRunConfig(paths);
  const { dataset } = readEnvironment(paths);
  if (!existsSync(paths.student))
    throw new UserError(`${paths.student}: is missing: the run has not finished; continue it with "equipoise resume"`);
  if (network !== "student" && !existsSync(paths.teacher))
    throw new UserError(
      `--network ${network}: there is no ${paths.teacher}: the method of this run (${config.method}) has no teacher; use --network student`,
    );
  const records = images.map(
    ({ file, mask = null }): ImageRecord => ({
      ...{ id: file, file: resolve(file), mask },
      ...{ part: "unlabelled", label: null, group: null },
    }),
  );
  const ws = await openWorkspace(config, records, dataset.classes, { adapter, training: false });
  try {
    ws.device.choices.set(readChoices(paths.tuning));
    const roles = network === "ensemble" ? (["student", "teacher"] as const) : [network];
    return await work(
      ws,
      roles.map((role) => loadNetwork(ws, role, paths)),
    );
  } finally {
    await ws.close();
  }
}

/** The images of the arguments of a command, each with the argument. @throws UserError for one without images */
export async function inputImages(inputs: readonly string[]): Promise<InputImage[]> {
  const lists = await Promise.all(
    inputs.map(async (input) => (await imageFiles(input)).map((file) => ({ file, input }))),
  );
  return lists.flat();
}

/** The file itself, or all images below a folder (below its `images`, where there is one: `masks` lies beside it). */
async function imageFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => null);
  if (!found) throw new UserError(`${path}: there is no such file or folder`);
  if (!found.isDirectory()) return [path];
  const images = join(path, "images");
  const root = (await isFolder(images)) ? images : path;
  const files = (await listImages(root)).files.map((file) => join(root, file));
  if (files.length === 0) throw new UserError(`${path}: there are no images in this folder (.png, .tif, .jpg)`);
  return files;
}

/** Before hours of work: @throws UserError if the file could not be written. */
async function checkWritable(option: string, file: string, what: string): Promise<void> {
  const folder = dirname(resolve(file));
  const isTaken = await isFolder(file);
  if (isTaken) throw new UserError(`${option} ${file}: is a folder; give the name of ${what}`);
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new UserError(
      `${option} ${file}: cannot be written (${reason(error)}); choose a folder that exists and is writable`,
    );
  });
}

/** The page with the central patches of the most uncertain images. */
async function galleryOf(
  ws: Workspace,
  rows: readonly { file: string; probabilities: Float32Array }[],
  { rows: facts }: JoinedColumns,
  { gallerySize = gallerySizeDefault, patches = ws.config.test.patches, out }: PredictOptions,
): Promise<string> {
  const chosen = mostUncertain(
    rows.map(({ probabilities }) => probabilities),
    gallerySize,
  );
  const images: GalleryImage[] = [];
  // A few at a time: a batch holds all of its patches.
  for (let i = 0; i < chosen.length; i += 32) {
    const part = chosen.slice(i, i + 32);
    const cut = await ws.loader.centralBatch(part);
    part.forEach((index, k) => {
      const { file, probabilities } = rows[index] as (typeof rows)[number];
      const { size, pixels } = cut[k] as (typeof cut)[number];
      images.push({ file, probabilities, facts: facts[index] ?? {}, crop: { height: size, width: size, pixels } });
    });
  }
  const all = rows.map(({ probabilities }) => probabilities);
  return galleryPage(images, { classes: ws.classes, all, patches, table: out });
}
