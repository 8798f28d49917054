/** A colony beside its class map, as an SVG with a legend. Needs no Node. */
import type { GreyImage } from "../data/types.js";
import { pngUrl } from "../images/pngUrl.js";
import { light, mapFills } from "../palette.js";
import { escapeHtml } from "../report/html.js";
import type { ClassMap } from "./classMap.js";

export interface OverlayOptions {
  readonly classes: readonly string[];
  /** What is above the pictures. */
  readonly title: string;
  /** Micrometres per pixel; null: no scale bar. */
  readonly pixelSize: number | null;
}

/** How much of the picture shows through, 0..1. */
const opacity = 0.5;
const gap = 16;
const lineHeight = 22;
const headHeight = 34;

/** The picture's long side as it is shown, in units of the drawing. */
function shownSide(side: number): number {
  return Math.min(900, Math.max(420, side));
}

/** An SVG element: the image, the image under its class map, and the share of each class. */
export function classMapSvg(image: GreyImage, map: ClassMap, { classes, title, pixelSize }: OverlayOptions): string {
  const zoom = shownSide(Math.max(image.width, image.height)) / Math.max(image.width, image.height);
  const [w, h] = [image.width * zoom, image.height * zoom].map((side) => Math.round(side)) as [number, number];
  const width = 2 * w + 3 * gap;
  const rows = legendRows(classes, map, width - 2 * gap);
  const height = headHeight + h + gap + rows.length * lineHeight + gap;
  const picture = (rgb: Uint8Array, x: number, label: string) =>
    `<image x="${x}" y="${headHeight}" width="${w}" height="${h}" preserveAspectRatio="none" ` +
    `style="image-rendering:${zoom > 1.5 ? "pixelated" : "auto"}" href="${pngUrl({ ...image, pixels: rgb }, 3)}"><title>${label}</title></image>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" `,
    `aria-label="${escapeHtml(`Class map of ${title}`)}" font-family="Arial, Helvetica, 'Liberation Sans', sans-serif" font-size="14">`,
    `<rect width="${width}" height="${height}" fill="${light.paper}"/>`,
    `<text x="${gap}" y="23" font-weight="bold" fill="${light.ink}">${escapeHtml(title)}</text>`,
    picture(greyRgb(image), gap, "image"),
    picture(blended(image, map), 2 * gap + w, "class map"),
    pixelSize === null ? "" : scaleBar(pixelSize, image.width, zoom, gap, headHeight + h),
    legend(rows, headHeight + h + gap),
    "</svg>\n",
  ].join("");
}

function greyRgb({ pixels }: GreyImage): Uint8Array {
  const rgb = new Uint8Array(pixels.length * 3);
  for (let i = 0; i < pixels.length; i++) rgb.fill(pixels[i]!, i * 3, i * 3 + 3);
  return rgb;
}

/** The image with its classes in colour, the borders between them in full colour. */
function blended(image: GreyImage, { labels, width }: ClassMap): Uint8Array {
  const rgb = greyRgb(image);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label === 0) continue;
    const colour = mapFills[(label - 1) % mapFills.length]!;
    const share = isBorder(labels, width, i) ? 1 : opacity;
    for (let k = 0; k < 3; k++) rgb[i * 3 + k] = Math.round((1 - share) * rgb[i * 3 + k]! + share * colour[k]!);
  }
  return rgb;
}

function isBorder(labels: Uint8Array, width: number, i: number): boolean {
  const x = i % width;
  const beside = [x > 0 ? i - 1 : i, x < width - 1 ? i + 1 : i, i - width, i + width];
  return beside.some((at) => labels[at] !== undefined && labels[at] !== labels[i]);
}

interface Entry {
  readonly x: number;
  readonly text: string;
  readonly colour: string;
}

/** Legend entries in lines of at most `width`. */
function legendRows(classes: readonly string[], { pixels, total }: ClassMap, width: number): Entry[][] {
  const rows: Entry[][] = [[]];
  let x = 0;
  for (const [c, name] of classes.entries()) {
    const share = total > 0 ? `${((100 * pixels[c]!) / total).toFixed(1)} %` : "no area";
    const text = `${c + 1}  ${name}  ${share}`;
    const room = 46 + 8 * [...text].length;
    if (x > 0 && x + room > width) {
      rows.push([]);
      x = 0;
    }
    const [r, g, b] = mapFills[c % mapFills.length]!;
    rows.at(-1)!.push({ x, text, colour: `rgb(${r},${g},${b})` });
    x += room;
  }
  return rows;
}

function legend(rows: readonly (readonly Entry[])[], y: number): string {
  return rows
    .flatMap((row, line) =>
      row.map(({ x, text, colour }) => {
        const [left, top] = [gap + x, y + line * lineHeight];
        return (
          `<rect x="${left}" y="${top + 3}" width="14" height="14" fill="${colour}"/>` +
          `<text x="${left + 22}" y="${top + 15}" fill="${light.ink}" xml:space="preserve">${escapeHtml(text)}</text>`
        );
      }),
    )
    .join("");
}

/** A bar of a round length, at most a third of the image, in its lower left corner. */
function scaleBar(pixelSize: number, pixels: number, zoom: number, left: number, bottom: number): string {
  const most = (pixels * pixelSize) / 3;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((m) => m * power).find((l) => l <= most) ?? power;
  const width = (length / pixelSize) * zoom;
  const text = `${Number(length.toPrecision(2))} µm`;
  return (
    `<rect x="${left + 8}" y="${bottom - 34}" width="${Math.max(width, 9 * text.length) + 12}" height="28" fill="#000000" fill-opacity="0.6"/>` +
    `<rect x="${left + 14}" y="${bottom - 14}" width="${width.toFixed(1)}" height="4" fill="#ffffff"/>` +
    `<text x="${left + 14}" y="${bottom - 18}" fill="#ffffff" font-size="13">${text}</text>`
  );
}
