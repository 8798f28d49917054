/** Test images as the network saw them: central crops, embedded as small grey PNGs. */
import { centralCrop, croppedSize, cutPatch } from "../data/patches.js";
import { resizeBilinear } from "../data/resize.js";
import type { GreyImage } from "../data/types.js";
import { pngUrl } from "../images/pngUrl.js";

/** Crops are embedded at this side at most, px: they are shown at about 100 px. */
const SHOWN = 112;

/** The central crop of an image as a `data:` address. @param size side of the crop in px, as the network took it */
export function cropUrl(image: GreyImage, size: number): string {
  return pngUrl(shrink(centre(image, size), SHOWN));
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
