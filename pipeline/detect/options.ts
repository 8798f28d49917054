import { UserError } from "../../engine/errors.js";

/** How colonies are looked for. No kernels: the page's main thread reads this module too. */

/** What can be chosen about it. */
export interface DetectOptions {
  /** Whether the opening comes after the threshold, on the mask ("text" of the article), or before it, on grey values ("code"). */
  readonly order: "text" | "code";
  /** Blur before the entropy. */
  readonly blur: boolean;
  /** Radius of the entropy's disk, px. */
  readonly entropyRadius: number;
  /** Radius of the opening's disk, px. */
  readonly openingRadius: number;
  /** Objects of fewer pixels are no colonies. */
  readonly minSize: number;
}

/** The article's values (Witmer & Bhanu 2024, "Detection"); the order is that of its text. */
export const detectDefaults: DetectOptions = {
  order: "text",
  blur: true,
  entropyRadius: 3,
  openingRadius: 3,
  minSize: 2000,
};

/** A disk of a larger radius would overflow the sums of the entropy (and is larger than any structure of interest). */
export const mostRadius = 64;

/** @throws UserError for a radius that is no whole number from 1 to `mostRadius` */
export function checkRadius(name: string, radius: number): void {
  if (Number.isInteger(radius) && radius >= 1 && radius <= mostRadius) return;
  throw new UserError(`${name} is ${radius}: give a whole number of pixels from 1 to ${mostRadius}`);
}

/** @throws UserError naming the option that is out of its range */
export function checkDetectOptions(options: DetectOptions): void {
  checkRadius("the radius of the entropy", options.entropyRadius);
  checkRadius("the radius of the opening", options.openingRadius);
  if (!Number.isInteger(options.minSize) || options.minSize < 0)
    throw new UserError(`the smallest colony is ${options.minSize} px: give a whole number of pixels`);
}
