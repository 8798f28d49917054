import { type Device, ShapeError, type Tensor } from "../../engine/index.js";

/** A grey image or mask of u8 values on the GPU: 4 pixels per word, rows of whole words, the spare bytes 0. */
export interface GreyImage {
  /** Width, px. */
  readonly w: number;
  /** Height, px. */
  readonly h: number;
  /** Words per row. */
  readonly words: number;
  /** u32 [h * words]. */
  readonly data: Tensor;
}

/** An image of undefined content; the caller releases its tensor. */
export function emptyImage(device: Device, w: number, h: number, label: string): GreyImage {
  const words = Math.ceil(w / 4);
  return { w, h, words, data: device.empty([h * words, 1], label, "u32") };
}

/** @param pixels w * h grey values, row-major @throws ShapeError if their number is another */
export function uploadImage(device: Device, pixels: Uint8Array, w: number, h: number): GreyImage {
  if (w < 1 || h < 1 || pixels.length !== w * h)
    throw new ShapeError(`image: ${pixels.length} grey values do not make ${w}x${h} pixels`);
  const image = emptyImage(device, w, h, "image");
  const row = image.words * 4;
  const bytes = new Uint8Array(row * h);
  for (let y = 0; y < h; y++) bytes.set(pixels.subarray(y * w, (y + 1) * w), y * row);
  device.writeBytes(image.data, bytes);
  return image;
}

/** The w * h grey values of an image, row-major. */
export async function downloadImage(device: Device, { w, h, words, data }: GreyImage): Promise<Uint8Array> {
  const bytes = new Uint8Array((await device.readWords(data)).buffer);
  const pixels = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) pixels.set(bytes.subarray(y * words * 4, y * words * 4 + w), y * w);
  return pixels;
}
