/** The images that a network is least sure of, as one HTML file that needs nothing else: those to look at first. */
import { basename } from "node:path";
import type { GreyImage } from "../data/types.js";
import { pngUrl } from "../images/pngUrl.js";
import { argmax, entropyBits } from "../metrics.js";
import { seriesCount, seriesVariable } from "../palette.js";
import { shrink } from "../report/crops.js";
import { count, percent } from "../report/format.js";
import { type Html, html, trusted } from "../report/html.js";
import { styleSheet } from "../report/style.js";

/** One image of the gallery. */
export interface GalleryImage {
  readonly file: string;
  readonly probabilities: ArrayLike<number>;
  /** What else is known, by column: well, time, and those of the plate map. */
  readonly facts: Readonly<Record<string, string>>;
  /** The square that the network saw. */
  readonly crop: GreyImage;
}

export interface GalleryOptions {
  readonly classes: readonly string[];
  /** Probabilities of all images, those that are not shown included. */
  readonly all: readonly ArrayLike<number>[];
  /** Patches that were averaged per image. */
  readonly patches: number;
  /** Name of the table of predictions. */
  readonly table: string;
}

/** Crops are embedded at this side at most, px: they are shown at about 130 px. */
const embedded = 160;

/** Indices of the `most` images of greatest entropy, the greatest first; equal ones in their order. */
export function mostUncertain(rows: readonly ArrayLike<number>[], most: number): number[] {
  const entropies = rows.map(entropyBits);
  const order = [...rows.keys()].sort((a, b) => entropies[b]! - entropies[a]! || a - b);
  return order.slice(0, most);
}

/** @param images in the order in which they are to be shown within their class, see `mostUncertain` */
export function galleryPage(images: readonly GalleryImage[], options: GalleryOptions): string {
  const { classes, all, patches, table } = options;
  const groups = classes.map((name, c) => ({
    name,
    shown: images.filter(({ probabilities }) => argmax(probabilities) === c),
    total: all.filter((row) => argmax(row) === c).length,
  }));
  const averaged = patches > 1 ? ` The probabilities are means over ${patches} patches; the middle one is shown.` : "";
  const document = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Equipoise"><title>Uncertain images · Equipoise</title>
<style>${trusted(styleSheet + galleryStyle)}</style></head><body>
<header><h1>Images that the network is least sure of</h1>
<p class="facts">${count(images.length)} of ${count(all.length)} images in ${basename(table)}</p></header><main>
<p>Most uncertain first, by the class that the network gave. The bar shows its probabilities. Entropy measures the doubt: 0 bits
means sure, ${Math.log2(classes.length).toFixed(1)} bits means that all ${classes.length} classes seem alike.${averaged} If answers are wrong, move these images into the
folder of their class and train again: labels help most where the network is in doubt. A wrong answer can also be a sure one, and then is not
shown here.</p>
${legend(classes)}
${groups.map((group) => section(group, classes))}
</main></body></html>
`;
  return document.markup;
}

function legend(classes: readonly string[]): Html {
  const items = classes.map((name, c) => html`<span><i class="bar-${c % seriesCount}"></i>${name}</span>`);
  return html`<p class="legend">${items}</p>`;
}

interface Group {
  readonly name: string;
  readonly shown: readonly GalleryImage[];
  readonly total: number;
}

function section({ name, shown, total }: Group, classes: readonly string[]): Html {
  const head = html`<h2>${name} <small>${count(shown.length)} of ${count(total)} shown</small></h2>`;
  if (shown.length === 0)
    return html`<section>${head}<p class="missing">${total === 0 ? "No image was given this class." : "None of them is among the most uncertain."}</p></section>`;
  return html`<section>${head}<div class="uncertain">${shown.map((image) => card(image, classes))}</div></section>
`;
}

function card({ file, probabilities, facts, crop }: GalleryImage, classes: readonly string[]): Html {
  const order = [...classes.keys()].sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
  const answers = order.slice(0, 3).map((c, i) => {
    const text = `${classes[c]}\u00a0${percent(probabilities[c]!, 0)}`;
    return i === 0 ? html`<b>${text}</b>` : html`<span>${text}</span>`;
  });
  const all = order.map((c) => `${classes[c]} ${percent(probabilities[c]!)}`).join(", ");
  return html`<figure class="card"><img src="${pngUrl(shrink(crop, embedded))}" alt="${basename(file)}: ${all}" loading="lazy">
${bar(probabilities, all)}<figcaption><span class="answers">${answers}</span>
<span>${entropyBits(probabilities).toFixed(2)} bits${placeOf(facts)}</span><span class="file" title="${file}">${basename(file)}</span></figcaption></figure>
`;
}

/** ` · A01 · 7 · treated`: well, time, and what the plate map says. */
function placeOf(facts: Readonly<Record<string, string>>): string {
  const measured = /^(colony|m(in|ax)_(row|col)|area|mean_.*|touches_border)$/;
  const parts = Object.entries(facts).filter(([name, value]) => value !== "" && !measured.test(name));
  return parts.map(([name, value]) => ` · ${name === "time" ? `time\u00a0${value}` : value}`).join("");
}

/** The probabilities as a divided bar, in the order of the classes. */
function bar(probabilities: ArrayLike<number>, title: string): Html {
  let x = 0;
  const parts = Array.from(probabilities, (p, c) => {
    const part = html`<rect class="bar-${c % seriesCount}" x="${(100 * x).toFixed(2)}" y="0" width="${(100 * p).toFixed(2)}" height="6"/>`;
    x += p;
    return part;
  });
  return html`<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="${title}"><title>${title}</title>${parts}</svg>`;
}

const galleryStyle = `
h2 small { font-size: .85rem; font-weight: 400; color: var(--muted); margin-left: .5rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .9rem; }
.legend i { display: inline-block; width: .9em; height: .9em; margin-right: .4em; vertical-align: -.08em; }
.uncertain { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: 1.1rem .9rem; }
.card img { display: block; width: 100%; aspect-ratio: 1; background: #000; }
.card .bar { display: block; width: 100%; height: 7px; }
.card figcaption { line-height: 1.3; font-size: .78rem; margin-top: .25rem; }
.card figcaption > span { display: block; overflow-wrap: anywhere; }
.card .answers b { color: var(--ink); display: block; font-size: .9rem; }
.card .answers span { margin-right: .6em; }
.card .file { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
${Array.from({ length: seriesCount }, (_, c) => `.bar-${c} { fill: ${seriesVariable(c)}; background: ${seriesVariable(c)}; }`).join("\n")}
@media print { .card { break-inside: avoid; } }
`;
