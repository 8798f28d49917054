import { UserError } from "../../engine/errors.js";

/** A well of 2908 x 2908 px has 8.5 million pixels; 2^28 is far above any microscope and far below memory. */
const mostPixels = 2 ** 28;

/** @throws UserError for an image without pixels or with more than 2^28 */
export function checkPixels(name: string, w: number, h: number): void {
  if (w < 1 || h < 1) throw new UserError(`${name}: the image is ${w} x ${h} px; copy the file again or remove it`);
  if (w * h <= mostPixels) return;
  throw new UserError(`${name}: ${w} x ${h} px is more than 2^28 pixels; crop the image, or the header is damaged`);
}

/** Any error of a decoder as one that names the file. */
export function damaged(name: string, format: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new UserError(`${name}: the ${format} is damaged or cut short (${reason}); copy it again or remove it`);
}
