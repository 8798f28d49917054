/** Charts of a page as files of their own: light colours in place of the page's variables, a background, named fonts. */
import type { Html } from "../report/html.js";

/** The page's light colours (`pipeline/report/style.ts`; a test compares them). */
export const lightColours: Readonly<Record<string, string>> = {
  ...{ "--paper": "#ffffff", "--ink": "#1c2126", "--muted": "#59636e", "--rule": "#d5dade", "--soft": "#f3f5f7" },
  ...{ "--c0": "#0072b2", "--c1": "#d55e00", "--c2": "#009e73", "--c3": "#b8578c", "--c4": "#b97b00" },
  ...{ "--c5": "#3a9bd9", "--c6": "#1c2126", "--c7": "#8c8400" },
};

/** Replaces `var(--name)` by the light colour of that name. */
export function inLightColours(svg: string): string {
  return svg.replace(/var\((--\w+)\)/g, (all, name: string) => lightColours[name] ?? all);
}

/** An SVG element of a page as the text of an SVG file. */
export function standalone(chart: Html): string {
  const fonts = "font-family:Arial,Helvetica,'Liberation Sans',sans-serif;background:#ffffff";
  const root = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" style="${fonts}" `;
  return `${inLightColours(chart.markup).replace("<svg ", root)}\n`;
}
