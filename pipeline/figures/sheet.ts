/** Several charts or pictures as one SVG. */

import type { GreyImage } from "../data/types.js";
import { pngUrl } from "../images/pngUrl.js";
import { type SeriesStyle, shorten } from "../report/charts.js";
import { shrink } from "../report/crops.js";
import { type Content, type Html, html, trusted } from "../report/html.js";

export interface Panel {
  title: string;
  /** A chart of `draw()`. */
  drawing: Html;
}

export interface LegendEntry {
  text: string;
  style: Pick<SeriesStyle, "color" | "dash">;
}

/** Estimated width of Arial text in px: good to a tenth or so. */
export function textWidth(text: string, size: number): number {
  return [...text].length * size * 0.55;
}

/** An SVG element of a page. @param label what a screen reader says */
export function svg(width: number, height: number, label: string, content: Content): Html {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${content}</svg>`;
}

export interface TextOptions {
  size?: number;
  bold?: boolean;
  anchor?: "start" | "middle" | "end";
  fill?: string;
  /** Degrees, about its place. */
  turn?: number;
}

export function text(x: number, y: number, words: string, options: TextOptions = {}): Html {
  const { size = 12, bold = false, anchor = "start", fill = "var(--ink)", turn = 0 } = options;
  const turned = turn !== 0 && html` transform="rotate(${turn} ${x} ${y})"`;
  return html`<text x="${x}" y="${y}" font-size="${size}"${bold && html` font-weight="600"`} text-anchor="${anchor}" fill="${fill}"${turned}>${words}</text>`;
}

/** A grey image, fitted into a box and centred in it; reduced to twice the pixels it is shown at. */
export function picture(x: number, y: number, side: number, image: GreyImage): Html {
  const { width, height } = fitted(image, side);
  const [left, top] = [x + (side - width) / 2, y + (side - height) / 2];
  const small = shrink(image, 2 * side);
  return html`<image x="${left}" y="${top}" width="${width}" height="${height}" preserveAspectRatio="none" href="${pngUrl(small)}"/>`;
}

/** Size of an image in a square box. */
export function fitted(image: { height: number; width: number }, side: number): { height: number; width: number } {
  const scale = side / Math.max(image.height, image.width);
  return { height: image.height * scale, width: image.width * scale };
}

const TITLE = 26;
const GAP = 20;
const LEGEND = 22;

/** Charts of one size beside and below each other (null: an empty place), under a common legend. */
export function sheet(
  label: string,
  panels: readonly (Panel | null)[],
  options: { columns: number; width: number; height: number; legend?: readonly LegendEntry[] },
): Html {
  const { width, height, legend = [] } = options;
  const columns = Math.max(1, Math.min(options.columns, panels.length));
  const rows = Math.ceil(panels.length / columns);
  const total = columns * width + (columns - 1) * GAP;
  const placed = placeLegend(legend, total);
  const top = placed.height;
  const content = panels.map((panel, i) => {
    if (panel === null) return null;
    const { title, drawing } = panel;
    const x = (i % columns) * (width + GAP);
    const y = top + Math.floor(i / columns) * (height + TITLE + GAP);
    const most = Math.floor(width / 6.6);
    return html`${title !== "" && text(x + 4, y + 15, shorten(title, most), { size: 13, bold: true })}
${inner(drawing, x, y + TITLE, width, height)}`;
  });
  return svg(total, top + rows * (height + TITLE) + (rows - 1) * GAP, label, html`${placed.content}${content}`);
}

/** A chart as a part of another drawing. */
function inner(drawing: Html, x: number, y: number, width: number, height: number): Html {
  const place = `<svg x="${x}" y="${y}" width="${width}" height="${height}" `;
  return trusted(drawing.markup.replace("<svg ", place).replace(/ role="img" aria-label="[^"]*"/, ""));
}

function placeLegend(entries: readonly LegendEntry[], width: number): { content: Html[]; height: number } {
  const most = Math.floor((width - 60) / 6.8);
  let [x, y] = [4, 0];
  const content = entries.map(({ text: words, style }) => {
    const shown = shorten(words, most);
    const wide = 40 + textWidth(shown, 12) + 18;
    if (x > 4 && x + wide > width) [x, y] = [4, y + LEGEND];
    const dash = Array.isArray(style.dash)
      ? style.dash.join(" ")
      : { solid: "", dashed: "7 3", dotted: "2 2" }[style.dash];
    const line = html`<line x1="${x}" y1="${y + 11}" x2="${x + 32}" y2="${y + 11}" stroke="${style.color}" stroke-width="2.4"${dash !== "" && html` stroke-dasharray="${dash}"`}/>`;
    const entry = html`${line}${text(x + 38, y + 15, shown)}`;
    x += wide;
    return entry;
  });
  return { content, height: entries.length === 0 ? 0 : y + LEGEND + 8 };
}
