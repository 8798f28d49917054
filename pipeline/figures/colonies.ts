/** Figure 5: colony, mask and patch locations, one example of each class and one with several. */
import type { Corner } from "../data/patches.js";
import type { GreyImage, ImageRecord } from "../data/types.js";
import { seriesStyle, shorten } from "../report/charts.js";
import { type Html, html } from "../report/html.js";
import {
  type Colony,
  centresOf,
  cut,
  dataFolder,
  drawnPatch,
  examples,
  minForegroundOf,
  scalesOf,
  scanFor,
} from "./images.js";
import type { FigureRun } from "./load.js";
import { fitted, picture, svg, text } from "./sheet.js";
import type { Draft, FigureContext } from "./types.js";
import { originText, sentences } from "./words.js";

const MOST_CLASSES = 6;
const SIDE = 190;
const GAP = 14;
const LEFT = 104;
const TOP = 30;

export async function colonyFigure({ groups, chosen, data }: FigureContext): Promise<Draft> {
  const runs = (chosen.length > 0 ? chosen : groups).flatMap((group) => group.runs);
  const run = runs[0] as FigureRun;
  const folder = dataFolder(run, data);
  if (typeof folder === "string") return folder;
  const sides = scalesOf(runs).slice(-3);
  const largest = sides.at(-1);
  if (largest === undefined) return "the runs do not say how large their patches are";
  const centreOf = centresOf(runs, sides);
  const dataset = await scanFor(run, folder.root);
  const of = (test: (record: ImageRecord) => boolean) => dataset.images.filter(test);
  const kinds = [
    ...dataset.classes.slice(0, MOST_CLASSES).map((name, c) => ({ name, records: of((image) => image.label === c) })),
    { name: "multi-label", records: of((image) => image.part === "multi-label") },
  ].filter(({ records }) => records.length > 0);
  const rows: { name: string; colony: Colony }[] = [];
  for (const { name, records } of kinds)
    for (const colony of await examples(records, largest, 1)) rows.push({ name, colony });
  const bare = rows.filter(({ colony }) => colony.mask === null).map(({ name }) => name);
  return {
    drawing: table(rows, { sides, centreOf, least: minForegroundOf(run) }),
    caption: sentences(
      `A colony of each class with its mask and the places of patches of ${sides.join(", ")} px, and these patches.`,
      "Each is drawn as in training: at random, with enough of the mask in it.",
      [...centreOf]
        .map(
          ([small, large]) =>
            `That of ${small} px is the centre of that of ${large} px, as a network of two scales sees it.`,
        )
        .join(" ") || false,
      bare.length > 0 && `No mask file: ${bare.join(", ")}; the whole image counts as foreground.`,
      dataset.classes.length > MOST_CLASSES && `The first ${MOST_CLASSES} of ${dataset.classes.length} classes.`,
      "Images smaller than the largest patch are shown enlarged, as training takes them.",
      originText([run]),
    ),
  };
}

interface Patches {
  sides: readonly number[];
  centreOf: ReadonlyMap<number, number>;
  /** Least part of a patch that is foreground. */
  least: number;
}

function table(rows: readonly { name: string; colony: Colony }[], patches: Patches): Html {
  const { sides } = patches;
  const columns = ["colony", "mask", ...sides.map((side) => `${side} px`)];
  const width = LEFT + columns.length * (SIDE + GAP);
  const heads = columns.map((name, i) =>
    text(LEFT + i * (SIDE + GAP) + SIDE / 2, 19, name, { size: 13, bold: true, anchor: "middle" }),
  );
  const body = rows.map(({ name, colony }, r) => row(name, colony, TOP + r * (SIDE + GAP), patches));
  return svg(width, TOP + rows.length * (SIDE + GAP), "Colonies, masks and patch locations", html`${heads}${body}`);
}

/** Where a patch of each side lies. */
function cornersOf(colony: Colony, { sides, centreOf, least }: Patches): Corner[] {
  return sides.map((side) => {
    const around = centreOf.get(side) ?? side;
    const { y, x } = drawnPatch(colony, around, least);
    return { y: y + Math.floor((around - side) / 2), x: x + Math.floor((around - side) / 2) };
  });
}

function row(name: string, colony: Colony, y: number, scales: Patches): Html {
  const { sides } = scales;
  const at = (column: number) => LEFT + column * (SIDE + GAP);
  const corners = cornersOf(colony, scales);
  const scale = SIDE / Math.max(colony.image.height, colony.image.width);
  const shown = fitted(colony.image, SIDE);
  const [left, top] = [at(0) + (SIDE - shown.width) / 2, y + (SIDE - shown.height) / 2];
  const boxes = sides.map((side, i) => {
    const { color, dash } = patchStyle(i);
    const corner = corners[i]!;
    const place = html`x="${left + corner.x * scale}" y="${top + corner.y * scale}" width="${side * scale}" height="${side * scale}" fill="none"`;
    return html`<rect ${place} stroke="#fff" stroke-width="4"/><rect ${place} stroke="${color}" stroke-width="2"${dash}/>`;
  });
  const patches = sides.map((side, i) => {
    const { color } = patchStyle(i);
    const x = at(2 + i);
    const edge = html`<rect x="${x}" y="${y}" width="${SIDE}" height="${SIDE}" fill="none" stroke="${color}" stroke-width="3"/>`;
    return html`${picture(x, y, SIDE, cut(colony, corners[i]!, side))}${edge}`;
  });
  const words = `${colony.image.width} × ${colony.image.height} px`;
  return html`${text(4, y + SIDE / 2, shorten(name, 13), { size: 13, bold: true })}${text(4, y + SIDE / 2 + 16, words, { size: 11, fill: "var(--muted)" })}
${picture(at(0), y, SIDE, colony.image)}${boxes}${maskPicture(at(1), y, colony)}${patches}`;
}

function maskPicture(x: number, y: number, { mask }: Colony): Html {
  if (mask) {
    const seen: GreyImage = { ...mask, pixels: mask.pixels.map((v) => (v > 0 ? 255 : 0)) };
    return picture(x, y, SIDE, seen);
  }
  return text(x + SIDE / 2, y + SIDE / 2, "no mask file", { anchor: "middle", fill: "var(--muted)" });
}

/** Colour and dashes of a scale, the same in the colony and around the patch. */
function patchStyle(i: number): { color: string; dash: Html | false } {
  return { color: seriesStyle(i).color, dash: i > 0 && html` stroke-dasharray="${i === 1 ? "6 4" : "2 3"}"` };
}
