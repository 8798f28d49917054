import { UserError } from "../../../../engine/errors.js";
import type { GreyImage } from "../../../../pipeline/data/types.js";
import { openImage, toGrey8 } from "../../../../pipeline/images/index.js";
import { blobSource } from "../files.js";
import type { TrainImage } from "./images.js";

const mostPixels = 2 ** 24;

/**
 * Decodes an image that the visitor chose, and its mask where there is one.
 * @throws UserError naming the file: too large, damaged, of another format, a mask of another size
 */
export async function decodeImage(file: File, maskFile: File | null): Promise<TrainImage> {
  const image = await decodeGrey(file);
  const mask = maskFile && (await decodeGrey(maskFile));
  if (mask && (mask.width !== image.width || mask.height !== image.height))
    throw new UserError(
      `${maskFile?.name}: the mask is ${mask.width} x ${mask.height} px, but its image is ${image.width} x ${image.height}: make it again from this image`,
    );
  return { name: file.name, image, mask: mask && { ...mask, pixels: mask.pixels.map((value) => Number(value > 0)) } };
}

async function decodeGrey(file: File): Promise<GreyImage> {
  const image = await openImage(blobSource(file));
  const { w, h, pixels } = toGrey8(await image.page(0));
  if (w * h > mostPixels)
    throw new UserError(
      `${file.name}: is ${w} x ${h} px: train on pictures of single colonies; Find colonies cuts them out of a well`,
    );
  return { width: w, height: h, pixels: new Uint8Array(pixels) };
}
