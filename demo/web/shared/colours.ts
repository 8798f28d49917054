/**
 * Colours of classes on the page: those of the reports (`pipeline/palette.ts`), which the page has as `--c0` to `--c7`
 * (styles/base.css; a test compares them). Pictures of cells are grey in light and dark pages alike, so upon them the ones for dark
 * surroundings are used. A class is always named in text too.
 */
import { type Rgb, rgbOnGrey, seriesVariable } from "../../../pipeline/palette.js";

export { boxColour, outlineColour, type Rgb } from "../../../pipeline/palette.js";

/** For elements of the page. @param index of the class; past the eighth the colours begin again */
export const classColour: (index: number) => string = seriesVariable;

/** For pictures of cells. */
export const classRgb: (index: number) => Rgb = rgbOnGrey;

export function cssColour([red, green, blue]: Rgb): string {
  return `rgb(${red}, ${green}, ${blue})`;
}
