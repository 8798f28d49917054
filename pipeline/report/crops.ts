/** Test images as the network saw them: central crops, embedded as small grey PNGs. */
import { existsSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { readGreyImage } from "../data/imageFile.js";
import { centralCrop, croppedSize, cutPatch } from "../data/patches.js";
import { encodeGrey } from "../data/png.js";
import { resizeBilinear } from "../data/resize.js";
import type { GreyImage } from "../data/types.js";
import type { Prediction } from "../run/predictions.js";

/** Crops are embedded at this side at most, px: they are shown at about 100 px. */
const SHOWN = 112;

/** Reads central crops of the images of one data folder. */
export class CropReader {
  /**
   * @param root the data folder (`environment.json`, dataset.root): images lie in it, or in `images` below it
   * @param size side of the crop in px, as the network took it
   */
  constructor(
    private readonly root: string,
    readonly size: number,
  ) {}

  /** True where at least one of the images is still in its place. */
  finds(predictions: readonly Prediction[]): boolean {
    return predictions.some(({ file }) => locateImage(this.root, file) !== null);
  }

  /** The central crop as a `data:` address, or null where the image is gone or cannot be read any more. */
  async dataUrl(file: string): Promise<string | null> {
    const path = locateImage(this.root, file);
    if (path === null) return null;
    try {
      return pngUrl(shrink(centre(await readGreyImage(path), this.size), SHOWN));
    } catch {
      return null;
    }
  }
}

/**
 * An image of a data folder, or null where it is gone. Only files inside the folder are found, whatever the table of predictions says.
 * @param root images lie in it, or in `images` below it
 * @param file as in the table of predictions
 */
export function locateImage(root: string, file: string): string | null {
  for (const folder of [join(root, "images"), root].map((one) => resolve(one))) {
    const path = resolve(folder, file);
    if (path.startsWith(folder + sep) && existsSync(path)) return path;
  }
  return null;
}

/** A grey image as the `data:` address of a PNG. */
export function pngUrl(image: GreyImage): string {
  return `data:image/png;base64,${encodeGrey(image).toString("base64")}`;
}

/** The middle of an image, enlarged first when its short side is below the crop: the test patch of the loader. */
export function centre(image: GreyImage, size: number): GreyImage {
  const { height, width } = croppedSize(image.height, image.width, size);
  const fitted = height === image.height && width === image.width ? image : resizeBilinear(image, height, width);
  const pixels = new Uint8Array(size * size);
  cutPatch(fitted.pixels, width, centralCrop(height, width, size), size, pixels, 0);
  return { height: size, width: size, pixels };
}

/** An image whose longer side is reduced to at most `side` px, by averaging areas. */
export function shrink(image: GreyImage, side: number): GreyImage {
  const scale = side / Math.max(image.height, image.width);
  if (scale >= 1) return image;
  const [height, width] = [image.height, image.width].map((n) => Math.max(1, Math.round(n * scale))) as [
    number,
    number,
  ];
  const pixels = new Uint8Array(height * width);
  const edge = (i: number, from: number, to: number): number => Math.floor((i * from) / to);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let [total, n] = [0, 0];
      for (let sy = edge(y, image.height, height); sy < edge(y + 1, image.height, height); sy++)
        for (let sx = edge(x, image.width, width); sx < edge(x + 1, image.width, width); sx++, n++)
          total += image.pixels[sy * image.width + sx]!;
      pixels[y * width + x] = Math.round(total / n);
    }
  return { height, width, pixels };
}
