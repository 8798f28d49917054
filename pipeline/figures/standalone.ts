/** Charts of a page as files of their own: light colours in place of the page's variables, a background, named fonts. */
import { cssVariables, light } from "../palette.js";
import type { Html } from "../report/html.js";

/** The page's light colours, by their variables. */
export const lightColours: Readonly<Record<string, string>> = cssVariables(light);

/** Replaces `var(--name)` by the light colour of that name. */
export function inLightColours(svg: string): string {
  return svg.replace(/var\((--\w+)\)/g, (all, name: string) => lightColours[name] ?? all);
}

/** An SVG element of a page as the text of an SVG file. */
export function standalone(chart: Html): string {
  const fonts = `font-family:Arial,Helvetica,'Liberation Sans',sans-serif;background:${light.paper}`;
  const root = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" style="${fonts}" `;
  return `${inLightColours(chart.markup).replace("<svg ", root)}\n`;
}
