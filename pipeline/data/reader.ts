import { fnv1a, Rng } from "../../engine/rng.js";
import { LruCache } from "./lru.js";
import {
  type Corner,
  centralCrop,
  croppedSize,
  cutPatch,
  drawPatch,
  type Foreground,
  integralImage,
  testPatches,
} from "./patches.js";
import { readGrey, readMask } from "./png.js";
import { resizeBilinear, resizeNearest } from "./resize.js";
import type { GreyImage, ImageRecord } from "./types.js";

export type ImageFiles = Pick<ImageRecord, "file" | "mask">;

export interface ReaderOptions {
  /** Side of a patch, px. */
  size: number;
  /** Least part of a drawn patch that is foreground, 0..1. */
  minForeground: number;
  /** Draws before a patch with too little foreground is kept. */
  tries: number;
  /** Bytes of decoded images to keep. */
  cacheBytes: number;
  seed: number;
}

/** What to cut, for several images at once. `images` are indices; `ys` and `xs` belong to `crop`. */
export type PatchRequest =
  | { kind: "draw"; images: readonly number[]; epoch: number; stream: string }
  | { kind: "crop"; images: readonly number[]; ys: readonly number[]; xs: readonly number[] }
  | { kind: "central"; images: readonly number[] }
  | { kind: "tiles"; images: readonly number[]; count: number };

/** Patches in the order of the request (`tiles`: `count` per image), one after another in `pixels`. */
export interface PackedPatches {
  ys: Int32Array;
  xs: Int32Array;
  pixels: Uint8Array;
}

interface Decoded extends Foreground {
  pixels: Uint8Array;
}

/**
 * Decodes images, keeps them, and cuts patches. One per worker thread, or one in the main thread; it is synchronous.
 *
 * A draw depends only on (seed, stream, epoch, image), and on how often the image occurred earlier in the same request, so that
 * two draws of one image in a batch differ.
 */
export class PatchReader {
  private readonly cache: LruCache<number, Decoded>;

  constructor(
    private readonly images: readonly ImageFiles[],
    private readonly options: ReaderOptions,
  ) {
    this.cache = new LruCache(options.cacheBytes);
  }

  /** @throws UserError naming the file; RangeError for an index or a crop that does not exist */
  read(request: PatchRequest): PackedPatches {
    const { size } = this.options;
    const perImage = request.kind === "tiles" ? request.count : 1;
    const total = request.images.length * perImage;
    const packed = {
      ys: new Int32Array(total),
      xs: new Int32Array(total),
      pixels: new Uint8Array(total * size * size),
    };
    const corners = this.cornersOf(request);
    let slot = 0;
    for (const [i, index] of request.images.entries()) {
      const image = this.load(index);
      for (const corner of corners(image, i)) {
        packed.ys[slot] = corner.y;
        packed.xs[slot] = corner.x;
        cutPatch(image.pixels, image.width, corner, size, packed.pixels, slot * size * size);
        slot++;
      }
    }
    return packed;
  }

  /** How the patches of the i-th image of a request are placed. */
  private cornersOf(request: PatchRequest): (image: Decoded, i: number) => Corner[] {
    const { size, minForeground, tries } = this.options;
    if (request.kind === "draw") {
      const rngOf = this.drawGenerators(request);
      return (image, i) => [drawPatch(image, size, minForeground, rngOf(i), tries)];
    }
    if (request.kind === "tiles") return (image) => testPatches(image, size, request.count);
    if (request.kind === "central") return (image) => [centralCrop(image.height, image.width, size)];
    return (image, i) => [this.checkedCorner(image, request.images[i]!, request.ys[i]!, request.xs[i]!)];
  }

  private drawGenerators({ images, epoch, stream }: PatchRequest & { kind: "draw" }): (i: number) => Rng {
    const streamWord = fnv1a(`patch/${stream}/${epoch}`);
    const wordsPerDraw = 4 * Math.ceil((2 * this.options.tries) / 4);
    const seen = new Map<number, number>();
    return (i) => {
      const image = images[i]!;
      const occurrence = seen.get(image) ?? 0;
      seen.set(image, occurrence + 1);
      return new Rng(this.options.seed, streamWord, wordsPerDraw * (occurrence * this.images.length + image));
    };
  }

  private checkedCorner(image: Decoded, index: number, y: number, x: number): Corner {
    const { size } = this.options;
    const inside = (at: number, room: number) => Number.isInteger(at) && at >= 0 && at <= room;
    if (inside(y, image.height - size) && inside(x, image.width - size)) return { y, x };
    throw new RangeError(
      `crop (y ${y}, x ${x}, side ${size}) is not inside image ${index}, ${image.width} x ${image.height} px (${this.images[index]!.file})`,
    );
  }

  private load(index: number): Decoded {
    const cached = this.cache.get(index);
    if (cached !== undefined) return cached;
    const files = this.images[index];
    if (files === undefined) {
      throw new RangeError(`image ${index} does not exist: the loader has ${this.images.length} images`);
    }
    const decoded = this.decode(files);
    this.cache.set(index, decoded, decoded.pixels.byteLength + (decoded.integral?.byteLength ?? 0));
    return decoded;
  }

  /** Reads image and mask, enlarged when the short side is below the patch (METHOD section 3). */
  private decode({ file, mask }: ImageFiles): Decoded {
    const image = readGrey(file);
    const { height, width } = croppedSize(image.height, image.width, this.options.size);
    const enlarge = (picture: GreyImage, resize: typeof resizeBilinear) =>
      picture.height === height && picture.width === width ? picture : resize(picture, height, width);
    const { pixels } = enlarge(image, resizeBilinear);
    if (mask === null) return { height, width, pixels, integral: null };
    const foreground = enlarge(readMask(mask, image, file), resizeNearest).pixels;
    const full = !foreground.includes(0);
    return { height, width, pixels, integral: full ? null : integralImage(foreground, height, width) };
  }
}
