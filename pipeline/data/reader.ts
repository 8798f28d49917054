import { fnv1a, Rng } from "../../engine/rng.js";
import { LruCache } from "./lru.js";
import {
  adjacentPatch,
  type Corner,
  centralCrop,
  croppedSize,
  cutPatch,
  drawPatch,
  type Foreground,
  integralImage,
  testPatches,
} from "./patches.js";
import { resizeBilinear, resizeNearest } from "./resize.js";
import type { GreyImage } from "./types.js";

/** An image and the foreground in it, 0 and 1; null: the whole image. */
export interface Picture {
  image: GreyImage;
  mask: GreyImage | null;
  /** What is odd about it but no reason to stop, one sentence each. */
  notes?: readonly string[];
}

/** Images by index: files on a disk, or what a page holds in memory. */
export interface Pictures {
  readonly count: number;
  /** What messages call an image. */
  name(index: number): string;
  /** @throws UserError naming the image that cannot be read */
  open(index: number): Picture | Promise<Picture>;
}

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
  | { kind: "pairs"; images: readonly number[]; epoch: number; stream: string }
  | { kind: "crop"; images: readonly number[]; ys: readonly number[]; xs: readonly number[] }
  | { kind: "central"; images: readonly number[] }
  | { kind: "tiles"; images: readonly number[]; count: number };

/** Patches in the order of the request (`tiles`: `count` per image; `pairs`: a draw and the patch beside it), one after another in `pixels`. */
export interface PackedPatches {
  ys: Int32Array;
  xs: Int32Array;
  pixels: Uint8Array;
  /** What is odd about the files that were decoded for this request, one sentence each. */
  notes: string[];
}

interface Decoded extends Foreground {
  pixels: Uint8Array;
}

/**
 * Decodes images, keeps them, and cuts patches. One per worker thread, or one in the main thread. Requests are answered one
 * after another, so that one image is decoded at a time.
 *
 * A draw depends only on (seed, stream, epoch, image), and on how often the image occurred earlier in the same request, so that
 * two draws of one image in a batch differ.
 */
export class PatchReader {
  private readonly cache: LruCache<number, Decoded>;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly pictures: Pictures,
    private readonly options: ReaderOptions,
  ) {
    this.cache = new LruCache(options.cacheBytes);
  }

  /** @throws UserError naming the file; RangeError for an index or a crop that does not exist */
  read(request: PatchRequest): Promise<PackedPatches> {
    const answer = this.last.then(() => this.cut(request));
    this.last = answer.catch(() => {});
    return answer;
  }

  private async cut(request: PatchRequest): Promise<PackedPatches> {
    const { size } = this.options;
    const perImage = request.kind === "tiles" ? request.count : request.kind === "pairs" ? 2 : 1;
    const total = request.images.length * perImage;
    const packed: PackedPatches = {
      ys: new Int32Array(total),
      xs: new Int32Array(total),
      pixels: new Uint8Array(total * size * size),
      notes: [],
    };
    const corners = this.cornersOf(request);
    let slot = 0;
    for (const [i, index] of request.images.entries()) {
      const image = this.cache.get(index) ?? (await this.load(index, packed.notes));
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
    if (request.kind === "pairs") {
      const rngOf = this.drawGenerators(request);
      const besideOf = this.drawGenerators({ ...request, stream: `${request.stream} beside` });
      return (image, i) => {
        const corner = drawPatch(image, size, minForeground, rngOf(i), tries);
        return [corner, adjacentPatch(image, corner, size, minForeground, besideOf(i))];
      };
    }
    if (request.kind === "tiles") return (image) => testPatches(image, size, request.count);
    if (request.kind === "central") return (image) => [centralCrop(image.height, image.width, size)];
    return (image, i) => [this.checkedCorner(image, request.images[i]!, request.ys[i]!, request.xs[i]!)];
  }

  private drawGenerators({
    images,
    epoch,
    stream,
  }: {
    images: readonly number[];
    epoch: number;
    stream: string;
  }): (i: number) => Rng {
    const streamWord = fnv1a(`patch/${stream}/${epoch}`);
    const wordsPerDraw = 4 * Math.ceil((2 * this.options.tries) / 4);
    const seen = new Map<number, number>();
    return (i) => {
      const image = images[i]!;
      const occurrence = seen.get(image) ?? 0;
      seen.set(image, occurrence + 1);
      return new Rng(this.options.seed, streamWord, wordsPerDraw * (occurrence * this.pictures.count + image));
    };
  }

  private checkedCorner(image: Decoded, index: number, y: number, x: number): Corner {
    const { size } = this.options;
    const inside = (at: number, room: number) => Number.isInteger(at) && at >= 0 && at <= room;
    if (inside(y, image.height - size) && inside(x, image.width - size)) return { y, x };
    throw new RangeError(
      `crop (y ${y}, x ${x}, side ${size}) is not inside image ${index}, ${image.width} x ${image.height} px (${this.pictures.name(index)})`,
    );
  }

  private async load(index: number, notes: string[]): Promise<Decoded> {
    const { count } = this.pictures;
    if (!(index >= 0 && index < count))
      throw new RangeError(`image ${index} does not exist: the loader has ${count} images`);
    const picture = await this.pictures.open(index);
    notes.push(...(picture.notes ?? []));
    const decoded = this.decode(picture);
    this.cache.set(index, decoded, decoded.pixels.byteLength + (decoded.integral?.byteLength ?? 0));
    return decoded;
  }

  /** Image and mask, enlarged when the short side is below the patch (METHOD section 3). */
  private decode({ image, mask }: Picture): Decoded {
    const { height, width } = croppedSize(image.height, image.width, this.options.size);
    const enlarge = (picture: GreyImage, resize: typeof resizeBilinear) =>
      picture.height === height && picture.width === width ? picture : resize(picture, height, width);
    const { pixels } = enlarge(image, resizeBilinear);
    if (mask === null) return { height, width, pixels, integral: null };
    const foreground = enlarge(mask, resizeNearest).pixels;
    const full = !foreground.includes(0);
    return { height, width, pixels, integral: full ? null : integralImage(foreground, height, width) };
  }
}
