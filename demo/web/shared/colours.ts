/**
 * Colours of classes: Okabe & Ito, Color Universal Design (2008), told apart with every kind of colour blindness. The page has
 * them as `--c0` to `--c7` (styles/base.css); pictures of cells are grey in light and dark pages alike, so upon them the ones
 * for dark surroundings are used. A class is always named in text too.
 */

export type Rgb = readonly [red: number, green: number, blue: number];

const onGrey: readonly Rgb[] = [
  [75, 163, 224],
  [240, 138, 60],
  [47, 194, 149],
  [221, 146, 188],
  [230, 159, 0],
  [143, 208, 245],
  [233, 237, 240],
  [240, 228, 66],
];

/** For elements of the page. @param index of the class; past the eighth the colours begin again */
export function classColour(index: number): string {
  return `var(--c${index % onGrey.length})`;
}

/** For pictures of cells. */
export function classRgb(index: number): Rgb {
  return onGrey[index % onGrey.length] as Rgb;
}

export function cssColour([red, green, blue]: Rgb): string {
  return `rgb(${red}, ${green}, ${blue})`;
}

/** As the command's overlays: told apart from grey and from each other. */
export const outlineColour: Rgb = [0, 200, 255];
export const boxColour: Rgb = [255, 176, 0];
