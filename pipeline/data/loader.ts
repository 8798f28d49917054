import { existsSync } from "node:fs";
import { type PngHeader, readPngHeader } from "./png.js";
import type { ImageFiles, PackedPatches, PatchRequest, ReaderOptions } from "./reader.js";
import { InlineReader, type ReaderPort, ReaderThread } from "./readerThread.js";
import type { Patch } from "./types.js";

export interface LoaderOptions {
  /** Side of a patch, px. */
  size: number;
  /** Least part of a drawn patch that is foreground, 0..1. */
  minForeground: number;
  /** Draws before a patch with too little foreground is kept (2). */
  tries?: number;
  /** Decoding threads; 0 decodes in the main thread. */
  workers: number;
  /** Bytes of decoded images to keep, over all threads. */
  cacheBytes: number;
  seed: number;
  /** The adapter computes on the CPU: decoding threads run at low priority (default false). */
  cpuAdapter?: boolean;
  /** The built worker.js, where it is not in its usual place. */
  workerFile?: URL;
}

/** A conserved crop: image and top left corner, as an earlier `Patch` gave them. */
export type Crop = Pick<Patch, "image" | "y" | "x">;

let notedFallback = false;

/** The built worker: beside this module, or below the folder of a bundle. Null when this module runs from its TypeScript source. */
function findWorker(): URL | null {
  for (const path of ["./worker.js", "./pipeline/data/worker.js"]) {
    const url = new URL(path, import.meta.url);
    if (existsSync(url)) return url;
  }
  if (!import.meta.url.endsWith(".ts")) {
    throw new Error(`PatchLoader: worker.js is missing beside ${import.meta.url}; build or install the package again`);
  }
  if (!notedFallback)
    process.stderr.write("PatchLoader: running from TypeScript sources, images are decoded in the main thread\n");
  notedFallback = true;
  return null;
}

function checkOptions({ size, workers, cacheBytes, minForeground, tries = 2 }: LoaderOptions): void {
  const whole = { size: [size, 1], workers: [workers, 0], tries: [tries, 1] } as const;
  for (const [name, [value, least]] of Object.entries(whole)) {
    if (!Number.isInteger(value) || value < least) {
      throw new RangeError(`PatchLoader: ${name} is ${value}; give an integer from ${least} up`);
    }
  }
  if (!(cacheBytes >= 0)) throw new RangeError(`PatchLoader: cacheBytes is ${cacheBytes}; give 0 or more`);
  if (!(minForeground >= 0 && minForeground <= 1)) {
    throw new RangeError(`PatchLoader: minForeground is ${minForeground}; give a fraction from 0 to 1`);
  }
}

/**
 * Cuts patches from image files. Worker threads decode, keep decoded images in a cache bounded by bytes, and answer a whole batch
 * with one message each; image i always belongs to thread i mod workers. Ask for the next batch before it is needed, and decoding
 * runs ahead of the GPU.
 *
 * Crops never depend on the number of threads, on the cache or on timing. A file that cannot be read rejects with the
 * UserError that names it. Images smaller than a patch are enlarged first; coordinates count in the enlarged image.
 */
export class PatchLoader {
  private readonly ports: ReaderPort[];
  private readonly size: number;

  /** @throws RangeError for an option out of range */
  constructor(
    private readonly images: readonly ImageFiles[],
    options: LoaderOptions,
  ) {
    checkOptions(options);
    this.size = options.size;
    const entry = options.workers === 0 ? null : (options.workerFile ?? findWorker());
    const threads = entry === null ? 1 : options.workers;
    const { size, minForeground, seed, tries = 2 } = options;
    const reader: ReaderOptions = {
      size,
      minForeground,
      seed,
      tries,
      cacheBytes: Math.floor(options.cacheBytes / threads),
    };
    const files = images.map(({ file, mask }) => ({ file, mask }));
    const setup = { images: files, options: reader, yielding: options.cpuAdapter ?? false };
    this.ports = Array.from({ length: threads }, () =>
      entry === null ? new InlineReader(setup) : new ReaderThread(entry, setup),
    );
  }

  /** A random crop that depends only on (seed, stream, epoch, image). */
  async draw(image: number, epoch: number, stream: string): Promise<Patch> {
    return (await this.drawBatch([image], epoch, stream))[0]!;
  }

  /** Random crops, in the order of `images`. An image that occurs again in the batch gets another crop each time. */
  drawBatch(images: readonly number[], epoch: number, stream: string): Promise<Patch[]> {
    return this.gather(images, 1, (at) => ({ kind: "draw", images: at.map((i) => images[i]!), epoch, stream }));
  }

  /** The crop at a place that an earlier patch was cut from. */
  async crop(image: number, y: number, x: number): Promise<Patch> {
    return (await this.cropBatch([{ image, y, x }]))[0]!;
  }

  /** Conserved crops, in the order given. @throws RangeError for a corner outside its image */
  cropBatch(crops: readonly Crop[]): Promise<Patch[]> {
    return this.gather(
      crops.map(({ image }) => image),
      1,
      (at) => ({
        kind: "crop",
        images: at.map((i) => crops[i]!.image),
        ys: at.map((i) => crops[i]!.y),
        xs: at.map((i) => crops[i]!.x),
      }),
    );
  }

  /** The central crop of one image. */
  async central(image: number): Promise<Patch> {
    return (await this.centralBatch([image]))[0]!;
  }

  /** Central crops, in the order of `images`. */
  centralBatch(images: readonly number[]): Promise<Patch[]> {
    return this.gather(images, 1, (at) => ({ kind: "central", images: at.map((i) => images[i]!) }));
  }

  /** `count` test patches of one image (see `testPatches`). */
  tiles(image: number, count: number): Promise<Patch[]> {
    return this.gather([image], count, () => ({ kind: "tiles", images: [image], count }));
  }

  /** `count` test patches of each image, image after image. */
  tilesBatch(images: readonly number[], count: number): Promise<Patch[]> {
    return this.gather(images, count, (at) => ({ kind: "tiles", images: at.map((i) => images[i]!), count }));
  }

  /** Size and sample format of an image as stored, without decoding it. */
  async probe(image: number): Promise<PngHeader> {
    return readPngHeader(this.checkImage(image).file);
  }

  /** Ends the threads; what is still waiting rejects. May be called again. */
  async close(): Promise<void> {
    await Promise.all(this.ports.map((port) => port.close()));
  }

  /** Sends each thread its share of a batch and puts the answers into the order of the batch. */
  private async gather(
    images: readonly number[],
    perImage: number,
    requestFor: (positions: number[]) => PatchRequest,
  ): Promise<Patch[]> {
    const shares = this.ports.map(() => [] as number[]);
    for (const [i, image] of images.entries()) {
      this.checkImage(image);
      shares[image % shares.length]!.push(i);
    }
    const patches = new Array<Patch>(images.length * perImage);
    const place = (positions: number[], packed: PackedPatches) => {
      for (const [share, position] of positions.entries()) {
        for (let k = 0; k < perImage; k++) {
          patches[position * perImage + k] = this.unpack(packed, share * perImage + k, images[position]!);
        }
      }
    };
    await Promise.all(
      shares.map(async (positions, p) => {
        if (positions.length > 0) place(positions, await this.ports[p]!.read(requestFor(positions)));
      }),
    );
    return patches;
  }

  private checkImage(image: number): ImageFiles {
    const files = this.images[image];
    if (files !== undefined) return files;
    throw new RangeError(
      `PatchLoader: image ${image} does not exist; the loader has ${this.images.length} images, from 0`,
    );
  }

  private unpack({ ys, xs, pixels }: PackedPatches, slot: number, image: number): Patch {
    const { size } = this;
    const area = size * size;
    return { image, y: ys[slot]!, x: xs[slot]!, size, pixels: pixels.subarray(slot * area, (slot + 1) * area) };
  }
}
