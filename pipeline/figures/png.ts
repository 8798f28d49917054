/**
 * SVG to PNG by resvg. Text is set in Liberation Sans, which lies beside this file, so that a picture is the same on every
 * machine and has its text where no font is installed. Its widths are Arial's, with which ECharts lays text out.
 */
import { fileURLToPath } from "node:url";
import { Resvg } from "@resvg/resvg-js";
import { UserError } from "../../engine/errors.js";
import { inLightColours } from "./standalone.js";

export interface PngOptions {
  /** Pixels. Default: twice the width of the drawing. */
  width?: number;
}

/** Licence and origin: `fonts/LICENSE`. */
const fontFiles = ["Regular", "Bold"].map((style) =>
  fileURLToPath(new URL(`fonts/LiberationSans-${style}.ttf`, import.meta.url)),
);

/** Scripts and signs that the font lacks (it has Latin, Greek, Cyrillic): the fonts of the system are searched, which takes longer. */
const uncovered = /[\u0530-\u1fff\u2300-\u{10ffff}]/u;

/**
 * A drawing as a PNG file, on white. Colours of the page (`var(--ink)`) become those of its light style.
 * @param svg text of an SVG file, or an SVG element of a page, with a `viewBox` or a size
 * @throws UserError when it is no drawing, or `width` is no whole number from 1 to 20 000
 */
export function svgToPng(svg: string, { width }: PngOptions = {}): Uint8Array {
  if (width !== undefined && !(Number.isInteger(width) && width >= 1 && width <= 20_000))
    throw new UserError(`width of a PNG: ${width}; give a whole number of pixels from 1 to 20000`);
  const text = withNamespaces(plainExponents(inLightColours(svg)));
  try {
    return new Resvg(text, {
      background: "#ffffff",
      fitTo: width === undefined ? { mode: "zoom", value: 2 } : { mode: "width", value: width },
      font: {
        fontFiles,
        loadSystemFonts: uncovered.test(text),
        defaultFontFamily: "Liberation Sans",
        sansSerifFamily: "Liberation Sans",
      },
    })
      .render()
      .asPng();
  } catch (error) {
    throw new UserError(`the drawing cannot be made into a PNG: ${(error as Error).message}`);
  }
}

/** Width and height of a PNG in pixels, from its header. */
export function pngSize(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** The text of an SVG file as PNG or as it is, by the ending of the name it is to have. */
export function drawingFile(name: string, svg: string): string | Uint8Array {
  return name.toLowerCase().endsWith(".png") ? svgToPng(svg) : svg;
}

function withNamespaces(svg: string): string {
  const [root = ""] = /<svg\b[^>]*>/.exec(svg) ?? [];
  const missing = ["xmlns", "xmlns:xlink"].filter((name) => !root.includes(`${name}=`));
  const spaces = { xmlns: "http://www.w3.org/2000/svg", "xmlns:xlink": "http://www.w3.org/1999/xlink" };
  const added = missing.map((name) => ` ${name}="${spaces[name as keyof typeof spaces]}"`).join("");
  return svg.replace(/<svg\b/, `<svg${added}`);
}

/** The font has no superscript minus: 2·10⁻⁴ becomes 2e-4. */
function plainExponents(svg: string): string {
  return svg.replace(
    /·10⁻([⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g,
    (_, digits: string) => `e-${[...digits].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(d)).join("")}`,
  );
}
