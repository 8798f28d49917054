import { transfer } from "comlink";
import { UserError } from "../../../engine/errors.js";
import type { Device } from "../../../engine/index.js";
import { type Colony, colonyOf } from "../../../pipeline/detect/colony.js";
import { detect, type StageName } from "../../../pipeline/detect/detect.js";
import { entropyUnit } from "../../../pipeline/detect/filters.js";
import { downloadImage } from "../../../pipeline/detect/image.js";
import { checkDetectOptions, type DetectOptions } from "../../../pipeline/detect/options.js";
import { type ChosenPage, choosePages } from "../../../pipeline/detect/run/pages.js";
import {
  type GreyScale,
  type ImageFile,
  openImage,
  parseBits16,
  stemOf,
  toGrey8,
  wellTime,
} from "../../../pipeline/images/index.js";
import type { DeviceProvider } from "./device.js";
import { blobSource } from "./files.js";
import { greyPng, type Result, resultsZip } from "./package.js";

/** An image of a file: a page that shows a well. */
export interface FilePage {
  /** To ask for it. */
  readonly index: number;
  /** The file's name without extension, and what tells its pages apart. */
  readonly stem: string;
  readonly well: string;
  /** Empty: not known. */
  readonly time: string;
}

export interface OpenedFile {
  readonly pages: readonly FilePage[];
  /** What was left out without having been asked for. */
  readonly warnings: readonly string[];
}

/** A decoded image, 8 bits. */
export interface ReadImage {
  readonly w: number;
  readonly h: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly scale: GreyScale;
  readonly warnings: readonly string[];
}

/** What is looked at. The pixels are row-major grey values. */
export interface FindRequest {
  readonly pixels: Uint8Array;
  readonly w: number;
  readonly h: number;
  readonly options: DetectOptions;
}

export interface FoundColonies {
  /** w * h values, 255 in colonies. */
  readonly mask: Uint8Array<ArrayBuffer>;
  readonly colonies: readonly Colony[];
  /** Grey values above this are foreground; null: the image is flat. */
  readonly threshold: number | null;
  readonly warnings: readonly string[];
}

/** What a detection passes through, in the order in which one reads it; `image` is what it begins with. */
export type ShownStage = "image" | "entropy" | StageName | "labels";

/** The worker's part of the section Find: reads files, finds colonies, shows stages. */
export class FindService {
  private open: { file: File; image: ImageFile } | null = null;

  constructor(protected readonly devices: DeviceProvider) {}

  /**
   * The images of a file; the file stays open until the next one is.
   * @throws UserError naming the file: too large, empty, damaged, of another format
   */
  async openFile(file: File): Promise<OpenedFile> {
    const image = await openImage(blobSource(file));
    const { pages, warnings } = choosePages(file.name, image.metas, null);
    this.open = { file, image };
    return { pages: pages.map((page) => pageOf(file.name, page)), warnings };
  }

  /** @param bits16 how 16 bits become 8, as `--bits16` @throws UserError naming the file when the page is damaged */
  async read(page: number, bits16: string): Promise<ReadImage> {
    if (!this.open) throw new UserError("no file is open: choose one");
    const grey = toGrey8(await this.open.image.page(page), parseBits16(bits16));
    // The decoder's own array may be a window of a larger one.
    const pixels = new Uint8Array(grey.pixels);
    return transfer({ ...grey, pixels }, [pixels.buffer]);
  }

  /** @throws UserError if an option is out of its range or the image is larger than the adapter binds */
  async find({ pixels, w, h, options }: FindRequest): Promise<FoundColonies> {
    checkDetectOptions(options);
    const found = await this.devices.use((device) => detect(device, pixels, { w, h }, options));
    const mask = new Uint8Array(found.mask);
    const colonies = found.colonies.map((object) => colonyOf(object, w, h));
    return transfer({ ...found, mask, colonies }, [mask.buffer]);
  }

  /** One stage as grey values for the eye: the entropy up to the most that a disk can have, labels as steps of grey. */
  async stage(request: FindRequest, stage: ShownStage): Promise<Uint8Array<ArrayBuffer>> {
    checkDetectOptions(request.options);
    const values = await this.devices.use((device) => stageValues(device, request, stage));
    return transfer(values, [values.buffer]);
  }

  /** A mask, or any grey image, as PNG. */
  async png(pixels: Uint8Array, w: number, h: number): Promise<Uint8Array<ArrayBuffer>> {
    const png = greyPng(pixels, w, h);
    return transfer(png, [png.buffer]);
  }

  /** All results as the folder that `equipoise detect` writes, in a ZIP file. */
  async zip(results: readonly Result[]): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = resultsZip(results);
    return transfer(bytes, [bytes.buffer]);
  }
}

function pageOf(name: string, { index, meta, suffix }: ChosenPage): FilePage {
  const place = wellTime(name.replace(/(\.ome)?\.[^./\\]*$/i, ""), null, meta);
  const isStem = suffix !== "" && meta.time === undefined && meta.well === undefined;
  return { index, stem: stemOf(name) + suffix, well: isStem ? place.well + suffix : place.well, time: place.time };
}

async function stageValues(
  device: Device,
  { pixels, w, h, options }: FindRequest,
  stage: ShownStage,
): Promise<Uint8Array<ArrayBuffer>> {
  let values: Uint8Array = pixels;
  await detect(device, pixels, { w, h }, options, {
    image: async (name, image) => {
      if (name === stage) values = await downloadImage(device, image);
    },
    entropy: async ({ hi }) => {
      if (stage !== "entropy") return;
      const most = Math.log2(Math.min(256, Math.PI * (options.entropyRadius + 0.5) ** 2));
      const words = await device.readWords(hi);
      values = Uint8Array.from(words, (word) => Math.min(255, Math.round(((word * entropyUnit) / most) * 255)));
    },
    objects: async (objects) => {
      if (stage === "labels") values = steps(await objects.labels());
    },
  });
  return new Uint8Array(values);
}

/** Neighbouring numbers are far apart in grey, and all of them far from the background's black. */
function steps(labels: Uint32Array): Uint8Array {
  return Uint8Array.from(labels, (label) => (label === 0 ? 0 : 70 + ((label * 61) % 186)));
}
