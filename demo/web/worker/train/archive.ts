import { type UnzipFileInfo, type Unzipped, unzipSync, type Zippable, zipSync } from "fflate";
import { UserError } from "../../../../engine/errors.js";
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
  return { files, set: await imagesOf(entries, `${prefix}${dataFolder}/`) };
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

async function imagesOf(entries: Unzipped, root: string): Promise<LabelledSet | null> {
  const paths = Object.keys(entries)
    .filter((path) => path.startsWith(`${root}images/`) && path.endsWith(".png"))
    .sort();
  if (paths.length === 0) return null;
  const images: TrainImage[] = [];
  const ids = paths.map((path) => path.slice(`${root}images/`.length));
  const labels: (string | null)[] = [];
  for (const [i, path] of paths.entries()) {
    const id = ids[i] as string;
    const folder = id.slice(0, id.indexOf("/"));
    const mask = entries[`${root}masks/${id}`];
    const foreground = mask && (await decoded(mask, path));
    images.push({
      name: id.slice(id.indexOf("/") + 1),
      image: await decoded(entries[path] as Uint8Array, path),
      mask: foreground ? { ...foreground, pixels: foreground.pixels.map((value) => (value > 0 ? 1 : 0)) } : null,
    });
    labels.push(folder === "Unlabelled" ? null : folder);
  }
  return { images, labels, ids };
}

async function decoded(bytes: Uint8Array, name: string) {
  const image = await openImage(bytesSource(bytes, name));
  const { pixels, w, h } = toGrey8(await image.page(0));
  return { pixels: new Uint8Array(pixels), width: w, height: h };
}
