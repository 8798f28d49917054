/**
 * The colours of classes and series, in one place for reports, figures, class maps, overlays and the page. They come from Okabe & Ito's
 * (Color Universal Design, 2008), made darker for white and lighter for dark pages; a test keeps them apart for simulated colour
 * blindness. A class or series is always named in text, too. Needs nothing else.
 */

export type Rgb = readonly [red: number, green: number, blue: number];

/** The colours that drawings name as CSS variables: `--paper`, `--c0` and so on. */
export interface Surroundings {
  readonly paper: string;
  readonly ink: string;
  readonly muted: string;
  readonly rule: string;
  readonly soft: string;
  readonly good: string;
  /** Of classes and series, `--c0` to `--c7`; past the eighth they begin again. */
  readonly series: readonly string[];
}

/** On white pages. */
export const light: Surroundings = {
  paper: "#ffffff",
  ink: "#1c2126",
  muted: "#59636e",
  rule: "#d5dade",
  soft: "#f3f5f7",
  good: "#00694a",
  series: ["#0072b2", "#d55e00", "#009e73", "#b8578c", "#804000", "#3a9bd9", "#1c2126", "#888848"],
};

/** On dark pages. */
export const dark: Surroundings = {
  paper: "#14181c",
  ink: "#e9edf0",
  muted: "#a3adb7",
  rule: "#343c44",
  soft: "#1d2329",
  good: "#4cc79f",
  series: ["#4ba3e0", "#f08a3c", "#2fc295", "#dd92bc", "#e69f00", "#8fd0f5", "#e9edf0", "#f0e442"],
};

/** On paper: as on white, with black for text. */
export const print: Surroundings = {
  ...light,
  ink: "#000000",
  muted: "#444444",
  rule: "#bbbbbb",
  series: light.series.map((colour, i) => (i === 6 ? "#000000" : colour)),
};

/** How many series and classes have a colour of their own. */
export const seriesCount = light.series.length;

/** Surroundings by the names of CSS variables. */
export function cssVariables({ series, ...named }: Surroundings): Record<string, string> {
  const all = [...Object.entries(named), ...series.map((colour, i) => [`c${i}`, colour] as const)];
  return Object.fromEntries(all.map(([name, colour]) => [`--${name}`, colour]));
}

/** The variable that holds the colour of a class or series. @param index past the eighth the colours begin again */
export function seriesVariable(index: number): string {
  return `var(--c${index % seriesCount})`;
}

/** Of classes upon pictures of cells, which are grey whatever surrounds them. @param index past the eighth the colours begin again */
export function rgbOnGrey(index: number): Rgb {
  return rgb(dark.series[index % seriesCount] as string);
}

/**
 * Of classes that fill areas of a class map: unchanged Okabe & Ito, and a grey, each of the hue that the class has in charts. From the ninth class
 * on they come again.
 */
export const mapFills: readonly Rgb[] = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#787878",
  "#f0e442",
].map(rgb);

/** Of a colony's outline and box upon a well: told apart from grey, from each other and with every kind of colour blindness. */
export const outlineColour: Rgb = [0, 200, 255];
export const boxColour: Rgb = [255, 176, 0];

function rgb(hex: string): Rgb {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}
