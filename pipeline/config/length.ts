import * as z from "zod";

/**
 * A stretch of a training phase: a number of steps (`5000`), epochs (`"10 epochs"`) or a share of the phase (`"50%"`).
 * Shares and epochs keep their meaning when a preset shortens the run.
 */
export type Length = number | string;

const EPOCHS = /^(\d+(?:\.\d+)?) epochs?$/;
const SHARE = /^(\d+(?:\.\d+)?)%$/;

/** Schema of a {@link Length}. */
export const lengthSchema = z
  .union([z.int().min(0), z.string().regex(EPOCHS), z.string().regex(SHARE)])
  .meta({ title: 'a number of steps (5000), epochs ("10 epochs") or a share of the phase ("50%")' });

/** Schema of a count of images, or of a share of all unlabelled images. */
export const countSchema = z
  .union([z.int().min(1), z.string().regex(SHARE)])
  .meta({ title: 'a whole number from 1 up, or a share of the unlabelled images ("1%")' });

/**
 * A length in steps, rounded to the nearest whole step.
 * @param stepsPerEpoch steps of one epoch of the phase
 * @param totalSteps steps of the whole phase
 * @throws RangeError for text that {@link lengthSchema} would refuse
 */
export function stepsOf(length: Length, phase: { stepsPerEpoch: number; totalSteps: number }): number {
  if (typeof length === "number") return length;
  const epochs = EPOCHS.exec(length)?.[1];
  if (epochs !== undefined) return Math.round(Number(epochs) * phase.stepsPerEpoch);
  return Math.round(shareOf(length) * phase.totalSteps);
}

/**
 * The least number of pseudo-labels a class is counted with (`meta.minClassCount`), in images.
 * @param unlabelled number of unlabelled images, the whole of which `"1%"` is a share
 */
export function classCountFloor(count: number | string, unlabelled: number): number {
  return typeof count === "number" ? count : Math.max(1, Math.round(shareOf(count) * unlabelled));
}

/** `"50%"` -> 0.5. */
function shareOf(text: string): number {
  const percent = SHARE.exec(text)?.[1];
  if (percent === undefined) throw new RangeError(`length: "${text}" is neither steps, "N epochs" nor "P%"`);
  return Number(percent) / 100;
}
