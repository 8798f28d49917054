import { type UnzipFileInfo, type Unzipped, unzipSync, type Zippable, zipSync } from "fflate";
import { UserError } from "../../../../engine/errors.js";
import { isReadable } from "../../../../pipeline/images/formats.js";
import { bytesSource, openImage, toGrey8 } from "../../../../pipeline/images/index.js";
import { reason, runFiles } from "../../../../pipeline/run/store.js";
import { formatBytes } from "../../shared/format.js";
import { greyPng } from "../package.js";
import { dataFolder, type LabelledSet, type PageData, pageData, type TrainImage } from "./images.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** A run with its images as a ZIP file: a folder that `equipoise report`, `evaluate`, `predict` and `resume` open. */
export function runZip(files: ReadonlyMap<string, Bytes>, { dataset, images }: PageData): Bytes {
  const zip: Zippable = {};
  const isText = (name: string) => /\.(json|jsonl|txt|csv|html)$/.test(name);
  for (const [name, bytes] of files) zip[name] = [bytes, { level: isText(name) ? 6 : 0 }];
  for (const [i, { file, mask }] of dataset.images.entries()) {
    const { image, mask: foreground } = images[i] as TrainImage;
    zip[file] = [greyPng(image.pixels, image.width, image.height), { level: 0 }];
    if (mask && foreground)
      zip[mask] = [
        greyPng(
          foreground.pixels.map((value) => 255 * value),
          foreground.width,
          foreground.height,
        ),
        { level: 0 },
      ];
  }
  return zipSync(zip) as Bytes;
}

/**
 * A run with its images and its report, as a ZIP file. Where no report can be made the rest is packed all the same.
 * @param reportHtml makes the report
 * @param warn is told why there is none
 */
export async function packRun(
  { store, set }: { readonly store: { all(): Promise<Map<string, Bytes>> }; readonly set: LabelledSet },
  reportHtml: () => Promise<string>,
  warn: (text: string) => void,
): Promise<Bytes> {
  const files = await store.all();
  try {
    files.set("report.html", new TextEncoder().encode(await reportHtml()));
  } catch (error) {
    warn(`The ZIP file has no report (${reason(error)}): "equipoise report" makes it from the unpacked folder.`);
  }
  return runZip(files, pageData(set));
}

/** A run as it comes out of a ZIP file. */
export interface ArchivedRun {
  /** Without the images. */
  readonly files: ReadonlyMap<string, Bytes>;
  /** Null where the archive has none: a folder of the command, whose images are elsewhere. */
  readonly set: LabelledSet | null;
}

const defaultData = {
  unlabelled: ["Unlabelled"] as readonly string[],
  multiLabel: ["MultiLabel"] as readonly string[],
  useMultiLabel: false,
};
const kept: ReadonlySet<string> = new Set(Object.values(runFiles));

/** @param name of the file, for messages @throws UserError for a damaged archive, or one without a run */
export async function openRunZip(bytes: Uint8Array, name: string): Promise<ArchivedRun> {
  const entries = entriesOf(bytes, name);
  // A folder that was packed with its own name.
  const config = Object.keys(entries).find((path) => /^([^/]+\/)?config\.json$/.test(path));
  if (config === undefined)
    throw new UserError(
      `${name}: holds no run (no config.json): choose the ZIP file of a run, or its student.safetensors`,
    );
  const prefix = config.slice(0, -runFiles.config.length);
  const files = new Map<string, Bytes>();
  for (const [path, content] of Object.entries(entries))
    if (path.startsWith(prefix) && kept.has(path.slice(prefix.length)))
      files.set(path.slice(prefix.length), new Uint8Array(content));
  const folders = specialFolders(entries[config] as Uint8Array);
  return { files, set: await imagesOf(entries, `${prefix}${dataFolder}/`, folders) };
}

/** Little can unpack to very much. */
const mostUnpackedBytes = 2e9;

function entriesOf(bytes: Uint8Array, name: string): Unzipped {
  let total = 0;
  const isWithin = ({ originalSize }: UnzipFileInfo) => {
    total += originalSize;
    if (total > mostUnpackedBytes)
      throw new UserError(`${name}: unpacks to more than the ${formatBytes(mostUnpackedBytes)} that a page opens`);
    return true;
  };
  try {
    return unzipSync(bytes, { filter: isWithin });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${name}: is no ZIP file, or a damaged one (${reason(error)}); copy it again`);
  }
}

/** Folders that are no classes. */
interface SpecialFolders {
  readonly unlabelled: readonly string[];
  /** Of images that show several classes, where the run does not learn from them: they are left out, as the command does it. */
  readonly unused: readonly string[];
}

/** @param config of the run; what is wrong with it is said by who reads all of it */
function specialFolders(config: Uint8Array): SpecialFolders {
  const { unlabelled, multiLabel, useMultiLabel } = { ...defaultData, ...dataOptions(config) };
  return useMultiLabel
    ? { unlabelled: [...unlabelled, ...multiLabel], unused: [] }
    : { unlabelled, unused: multiLabel };
}

function dataOptions(config: Uint8Array): Partial<typeof defaultData> {
  try {
    return JSON.parse(new TextDecoder().decode(config)).data ?? {};
  } catch {
    return {};
  }
}

/** As the commands read a folder: classes are folders in "images", with masks in "masks", or there is no "images". */
async function imagesOf(
  entries: Unzipped,
  root: string,
  { unlabelled, unused }: SpecialFolders,
): Promise<LabelledSet | null> {
  const all = Object.keys(entries).filter((path) => path.startsWith(root) && isReadable(path) && !/\/\./.test(path));
  const base = all.some((path) => path.startsWith(`${root}images/`)) ? `${root}images/` : root;
  const stemBelow = (path: string, folder: string) => path.slice(folder.length).replace(/\.[^./]*$/, "");
  const masks = new Map(
    all.filter((path) => path.startsWith(`${root}masks/`)).map((path) => [stemBelow(path, `${root}masks/`), path]),
  );
  const folderOf = (path: string) => path.slice(base.length, Math.max(base.length, path.lastIndexOf("/")));
  const isUsed = (path: string) => path.startsWith(base) && folderOf(path) !== "" && !unused.includes(folderOf(path));
  const paths = all.filter(isUsed).sort();
  if (paths.length === 0) return null;
  const images: TrainImage[] = [];
  const ids = paths.map((path) => path.slice(base.length));
  const labels: (string | null)[] = [];
  for (const [i, path] of paths.entries()) {
    const id = ids[i] as string;
    const mask = masks.get(stemBelow(path, base));
    const foreground = mask !== undefined && (await decoded(entries[mask] as Uint8Array, mask));
    images.push({
      name: id.slice(id.indexOf("/") + 1),
      image: await decoded(entries[path] as Uint8Array, path),
      mask: foreground ? { ...foreground, pixels: foreground.pixels.map((value) => (value > 0 ? 1 : 0)) } : null,
    });
    labels.push(unlabelled.includes(folderOf(path)) ? null : folderOf(path));
  }
  return { images, labels, ids };
}

async function decoded(bytes: Uint8Array, name: string) {
  const image = await openImage(bytesSource(bytes, name));
  const { pixels, w, h } = toGrey8(await image.page(0));
  return { pixels: new Uint8Array(pixels), width: w, height: h };
}
