/** `equipoise classmap`: class maps of image files with the network of a run. */
import { mkdirSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { UserError } from "../../engine/errors.js";
import { csvLine, harmless } from "../data/csv.js";
import { readGreyImage, readMaskImage } from "../data/imageFile.js";
import { isFolder, stemOf } from "../data/listing.js";
import type { GreyImage } from "../data/types.js";
import { svgToPng } from "../figures/png.js";
import { searchRoot } from "../predictions/colonies.js";
import { type InputImage, type JoinedColumns, joinFacts, readPlate } from "../predictions/join.js";
import { softmaxOf } from "../run/classify.js";
import { reason, writeAtomic } from "../run/folder.js";
import { inputImages, withNetworks } from "../run/predictRun.js";
import type { AnswerChoice, RunLog } from "../run/types.js";
import type { Workspace } from "../run/workspace.js";
import { type Classify, type ClassMap, classMap, defaultStride } from "./classMap.js";
import { encodeLabelTiff } from "./labelTiff.js";
import { checkMaskFolder, maskOf } from "./masks.js";
import { classMapSvg } from "./overlay.js";

export interface ClassMapRunOptions {
  /** Folder to write to. */
  readonly out: string;
  /** Whose answer is mapped. Default: the student's. */
  readonly network?: AnswerChoice;
  /** Distance of neighbouring patches, px; a quarter of the patch by default. */
  readonly stride?: number;
  /** Micrometres per pixel. */
  readonly pixelSize?: number;
  /** Folder of the masks, where it is not `masks` beside `images`. */
  readonly masks?: string;
  /** CSV file with what is known about wells. */
  readonly plate?: string;
  readonly adapter?: string;
  readonly log: RunLog;
  /** When aborted: reject with the signal's reason; the maps that are done stay. */
  readonly signal?: AbortSignal;
}

export interface ClassMapSummary {
  readonly out: string;
  readonly images: number;
  /** Share of the area of all masks, by class. */
  readonly fractions: Record<string, number>;
  /** The table of areas. */
  readonly table: string;
}

/** An image to map, and where its files go. */
interface Job extends InputImage {
  readonly mask: string | null;
  /** Below the output folder, without ending. */
  readonly name: string;
}

/**
 * Maps the classes of images: per image `<name>_map.png` and `<name>_labels.tif`, and `areas.csv` with the area of each class.
 * @throws UserError naming a file or option; the maps of earlier images stay
 */
export async function classMapRun(
  run: string,
  inputs: readonly string[],
  options: ClassMapRunOptions,
): Promise<ClassMapSummary> {
  const { out, masks, plate, log } = options;
  if (masks !== undefined) checkMaskFolder(masks);
  const map = plate === undefined ? null : readPlate(plate);
  const jobs = await jobsOf(await inputImages(inputs), masks ?? null);
  const joined = joinFacts(jobs, map, log);
  const bare = jobs.filter((job) => job.mask === null);
  if (bare.length > 0)
    log.warn(
      `${bare.length} image(s) have no mask, so the whole image is mapped, background included; first ${bare[0]?.file}. ` +
        `Masks lie in "masks" beside "images", or are named with --masks`,
    );
  return withNetworks(run, jobs, options, async (ws, classifier) => {
    const stride = checkedStride(options.stride, ws.config.patch.size);
    const classify: Classify = (patches) => softmaxOf(ws, classifier, patches);
    const rows: AreaRow[] = [];
    for (const [i, job] of jobs.entries()) {
      options.signal?.throwIfAborted();
      const { image, mapped } = await mapOne(ws, job, stride, classify, options);
      writeMap(job, image, mapped, ws.classes, options);
      rows.push({ file: job.file, map: mapped });
      log.progress({ label: "mapping", done: i + 1, total: jobs.length });
    }
    const table = join(out, "areas.csv");
    writeAtomic(table, areasCsv(rows, ws.classes, joined, options.pixelSize ?? null));
    return { out, images: jobs.length, fractions: fractionsOf(rows, ws.classes), table };
  });
}

/** @throws UserError for a stride that leaves gaps */
function checkedStride(stride: number | undefined, size: number): number {
  if (stride === undefined) return defaultStride(size);
  if (stride <= size) return stride;
  throw new UserError(
    `--stride ${stride}: patches are ${size} px wide, so some pixels would belong to none; give 1 to ${size}`,
  );
}

async function jobsOf(images: readonly InputImage[], masks: string | null): Promise<Job[]> {
  const taken = new Map<string, string>();
  const jobs: Job[] = [];
  for (const { file, input } of images) {
    const folder = (await isFolder(input)) ? resolve(input) : dirname(resolve(input));
    const root = searchRoot(input, folder === resolve(input));
    const below = relative(root, resolve(file)).replaceAll("\\", "/");
    const name = stemOf(folder === resolve(input) ? below.replace(/^images\//, "") : basename(file));
    const other = taken.get(name);
    if (other !== undefined)
      throw new UserError(`${file} and ${other}: their maps would have the same name, ${name}; map them one at a time`);
    taken.set(name, file);
    jobs.push({ file, input, mask: maskOf(file, masks), name });
  }
  return jobs;
}

async function mapOne(
  ws: Workspace,
  job: Job,
  stride: number,
  classify: Classify,
  { log, signal }: ClassMapRunOptions,
): Promise<{ image: GreyImage; mapped: ClassMap }> {
  const image = await readGreyImage(job.file, (note) => log.warn(note));
  const mask = job.mask === null ? null : await readMaskImage(job.mask, image, job.file);
  const { size, minForeground } = ws.config.patch;
  const settings = { classes: ws.classes.length, size, stride, minForeground, batch: ws.views };
  const mapped = await classMap(image, mask, { ...settings, ...(signal && { signal }) }, classify);
  if (mapped.total === 0) log.warn(`${job.mask}: the mask is empty, so the map of ${job.file} is, too`);
  return { image, mapped };
}

function writeMap(
  { file, name }: Job,
  image: GreyImage,
  map: ClassMap,
  classes: readonly string[],
  { out, pixelSize = null }: Pick<ClassMapRunOptions, "out"> & { readonly pixelSize?: number | null },
): void {
  const path = join(out, name);
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw new UserError(`--out ${dirname(path)}: cannot be made (${reason(error)}); choose another folder`);
  }
  writeAtomic(`${path}_labels.tif`, encodeLabelTiff(map.labels, map.width, map.height, { classes, pixelSize }));
  writeAtomic(`${path}_map.png`, svgToPng(classMapSvg(image, map, { classes, title: basename(file), pixelSize })));
}

interface AreaRow {
  readonly file: string;
  readonly map: ClassMap;
}

/** Area of each class: share of the mask, pixels and, with a pixel size, square micrometres; then what else is known. */
export function areasCsv(
  rows: readonly AreaRow[],
  classes: readonly string[],
  more: JoinedColumns,
  pixelSize: number | null,
): string {
  const kinds = ["fraction", "px", ...(pixelSize === null ? [] : ["um2"])];
  const columns = kinds.flatMap((kind) => classes.map((name) => `${kind}_${name}`));
  const head = ["file", "mask_px", "largest", ...columns, ...more.columns.map((name) => harmless(name))];
  const lines = rows.map(({ file, map: { pixels, total } }, i) => {
    const values = kinds.flatMap((kind) => pixels.map((n) => areaText(kind, n, total, pixelSize)));
    const largest = total === 0 ? "" : (classes[pixels.indexOf(Math.max(...pixels))] ?? "");
    const facts = more.columns.map((name) => harmless(more.rows[i]?.[name] ?? ""));
    return [harmless(file, "./"), total, largest, ...values, ...facts];
  });
  return [head, ...lines].map((cells) => `${csvLine(cells)}\r\n`).join("");
}

function areaText(kind: string, pixels: number, total: number, pixelSize: number | null): string {
  if (kind === "px") return String(pixels);
  if (kind === "um2") return String(Number((pixels * (pixelSize ?? 0) ** 2).toPrecision(7)));
  return total === 0 ? "" : String(Number((pixels / total).toPrecision(7)));
}

function fractionsOf(rows: readonly AreaRow[], classes: readonly string[]): Record<string, number> {
  const total = rows.reduce((sum, { map }) => sum + map.total, 0);
  const shareOf = (c: number) => rows.reduce((sum, { map }) => sum + (map.pixels[c] ?? 0), 0) / Math.max(1, total);
  return Object.fromEntries(classes.map((name, c) => [name, shareOf(c)]));
}
