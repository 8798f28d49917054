/** Test images as the network saw them: central crops, embedded as small grey PNGs. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { PNG } from "pngjs";
import type { GreyImage } from "../data/types.js";
import type { Prediction } from "../run/predictions.js";

/** Patches are embedded at this side at most, px: they are shown at about 100 px. */
const SHOWN = 112;

/** Reads central crops of the images of one data folder. */
export class PatchReader {
  private readonly roots: string[];

  /**
   * @param root the data folder (`environment.json`, dataset.root): images lie in it, or in `images` below it
   * @param size side of the crop in px, as the network took it
   */
  constructor(
    root: string,
    readonly size: number,
  ) {
    this.roots = [join(root, "images"), root].map((folder) => resolve(folder));
  }

  /** True where at least one of the images is still in its place. */
  finds(predictions: readonly Prediction[]): boolean {
    return predictions.some(({ file }) => this.locate(file) !== null);
  }

  /** The central crop as a `data:` address, or null where the image is gone or unreadable. */
  async dataUrl(file: string): Promise<string | null> {
    const path = this.locate(file);
    if (path === null) return null;
    try {
      const crop = centralCrop(await readGrey(path), this.size);
      return `data:image/png;base64,${encodeGrey(shrink(crop, SHOWN)).toString("base64")}`;
    } catch {
      return null;
    }
  }

  /** Only files inside the data folder are shown, whatever the table of predictions says. */
  private locate(file: string): string | null {
    for (const root of this.roots) {
      const path = resolve(root, file);
      if (path.startsWith(root + sep) && existsSync(path)) return path;
    }
    return null;
  }
}

async function readGrey(path: string): Promise<GreyImage> {
  const { width, height, data } = PNG.sync.read(await readFile(path));
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < pixels.length; i++)
    pixels[i] = (19595 * data[4 * i]! + 38470 * data[4 * i + 1]! + 7471 * data[4 * i + 2]! + 32768) >> 16;
  return { width, height, pixels };
}

/** The middle of an image; one that is smaller than the crop is first enlarged until its short side fits (bilinear). */
export function centralCrop(image: GreyImage, size: number): GreyImage {
  const short = Math.min(image.width, image.height);
  const fitted = short >= size ? image : enlarge(image, size / short);
  const [top, left] = [Math.floor((fitted.height - size) / 2), Math.floor((fitted.width - size) / 2)];
  const pixels = new Uint8Array(size * size);
  for (let y = 0; y < size; y++) {
    const start = (top + y) * fitted.width + left;
    pixels.set(fitted.pixels.subarray(start, start + size), y * size);
  }
  return { width: size, height: size, pixels };
}

function enlarge({ width, height, pixels }: GreyImage, factor: number): GreyImage {
  const [w, h] = [Math.round(width * factor), Math.round(height * factor)];
  const out = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) {
    const [y0, y1, fy] = neighbours(y, height, h);
    for (let x = 0; x < w; x++) {
      const [x0, x1, fx] = neighbours(x, width, w);
      const upper = pixels[y0 * width + x0]! * (1 - fx) + pixels[y0 * width + x1]! * fx;
      const lower = pixels[y1 * width + x0]! * (1 - fx) + pixels[y1 * width + x1]! * fx;
      out[y * w + x] = Math.round(upper * (1 - fy) + lower * fy);
    }
  }
  return { width: w, height: h, pixels: out };
}

function neighbours(at: number, from: number, to: number): [number, number, number] {
  const source = Math.min(Math.max(((at + 0.5) * from) / to - 0.5, 0), from - 1);
  const below = Math.floor(source);
  return [below, Math.min(below + 1, from - 1), source - below];
}

/** A square image reduced to at most `side` px by averaging areas. */
export function shrink(image: GreyImage, side: number): GreyImage {
  const from = image.width;
  if (from <= side) return image;
  const pixels = new Uint8Array(side * side);
  const edge = (i: number): number => Math.floor((i * from) / side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      let [total, n] = [0, 0];
      for (let sy = edge(y); sy < edge(y + 1); sy++)
        for (let sx = edge(x); sx < edge(x + 1); sx++, n++) total += image.pixels[sy * from + sx]!;
      pixels[y * side + x] = Math.round(total / n);
    }
  return { width: side, height: side, pixels };
}

function encodeGrey({ width, height, pixels }: GreyImage): Buffer {
  const png = new PNG({ width, height, colorType: 0, inputColorType: 0, bitDepth: 8 });
  png.data = Buffer.from(pixels);
  return PNG.sync.write(png, { colorType: 0, inputColorType: 0, bitDepth: 8, inputHasAlpha: false });
}
