import { existsSync } from "node:fs";
import { type ImageFiles, pictureFiles } from "./files.js";
import { PatchReader, type ReaderOptions } from "./reader.js";
import { ReaderThread } from "./readerThread.js";
import { InlineReader, PatchSource, type ReaderPort } from "./source.js";

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

/** The threads of a loader, or this one. */
function openReaders(images: readonly ImageFiles[], options: LoaderOptions): ReaderPort[] {
  checkOptions(options);
  const entry = options.workers === 0 ? null : (options.workerFile ?? findWorker());
  const threads = entry === null ? 1 : options.workers;
  const { size, minForeground, seed, tries = 2 } = options;
  const cacheBytes = Math.floor(options.cacheBytes / threads);
  const reader: ReaderOptions = { size, minForeground, seed, tries, cacheBytes };
  const files = images.map(({ file, mask }) => ({ file, mask }));
  if (entry === null) return [new InlineReader(new PatchReader(pictureFiles(files), reader))];
  const setup = { images: files, options: reader, yielding: options.cpuAdapter ?? false };
  return Array.from({ length: threads }, () => new ReaderThread(entry, setup));
}

/**
 * Cuts patches from image files. Worker threads decode, keep decoded images in a cache bounded by bytes, and answer a whole batch
 * with one message each. Ask for the next batch before it is needed, and decoding runs ahead of the GPU. Images smaller than a
 * patch are enlarged first; coordinates count in the enlarged image.
 */
export class PatchLoader extends PatchSource {
  /** @throws RangeError for an option out of range */
  constructor(images: readonly ImageFiles[], options: LoaderOptions) {
    super(images.length, options.size, openReaders(images, options));
  }
}
