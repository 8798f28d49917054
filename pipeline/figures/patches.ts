/** Figure 4: example patches of every class at each scale, and how many images reach that scale. */

import { UserError } from "../../engine/errors.js";
import { shorten } from "../report/charts.js";
import { type Html, html } from "../report/html.js";
import { type Colony, cut, dataFolder, drawnPatch, examples, minForegroundOf, scalesOf, scanFor } from "./images.js";
import type { FigureRun } from "./load.js";
import { picture, svg, text } from "./sheet.js";
import { shortSides } from "./sizes.js";
import type { Draft, FigureContext } from "./types.js";
import { originText, sentences } from "./words.js";

const MOST_CLASSES = 12;
const SIDE = 96;
const GAP = 8;
const LEFT = 74;
const TOP = 30;
const FOOT = 18;

export async function patchFigure({ groups, chosen, data, scales }: FigureContext): Promise<Draft> {
  const runs = (chosen.length > 0 ? chosen : groups).flatMap((group) => group.runs);
  const run = runs[0] as FigureRun;
  const folder = dataFolder(run, data);
  if (typeof folder === "string") return folder;
  const sides = scales.length > 0 ? [...scales].sort((a, b) => a - b) : scalesOf(runs);
  const largest = sides.at(-1);
  if (largest === undefined) return "the runs do not say how large their patches are; give --scales";
  const dataset = await scanFor(run, folder.root);
  const classes = dataset.classes.slice(0, MOST_CLASSES);
  const each = classes.length <= 2 ? 3 : classes.length <= 5 ? 2 : 1;
  const columns = [];
  for (const [c, name] of classes.entries()) {
    const records = dataset.images.filter((image) => image.label === c);
    columns.push({ name, colonies: await examples(records, largest, each), sides: await shortSides(records) });
  }
  return {
    drawing: grid(columns, sides, each, minForegroundOf(run)),
    caption: sentences(
      `Example patches of each class at ${sides.join(", ")} px, all drawn at the same size.`,
      "The patches below each other are cut about the same centre, which is drawn at random with the share of foreground that training asks for, in images (spread over the class's list) that reach the largest scale where there are such.",
      "The numbers count the images whose short side reaches a scale; smaller ones are enlarged before a patch is cut.",
      columns.some((one) => one.sides.sampled) && "In large classes they are estimated from 500 images.",
      dataset.classes.length > MOST_CLASSES && `The first ${MOST_CLASSES} of ${dataset.classes.length} classes.`,
      originText([run]),
    ),
  };
}

interface Column {
  name: string;
  colonies: Colony[];
  sides: Awaited<ReturnType<typeof shortSides>>;
}

function grid(columns: readonly Column[], sides: readonly number[], each: number, minForeground: number): Html {
  const wide = each * SIDE + (each - 1) * 3;
  const width = LEFT + columns.length * (wide + GAP);
  const height = TOP + sides.length * (SIDE + FOOT + GAP);
  const heads = columns.map(({ name }, c) =>
    text(LEFT + c * (wide + GAP) + wide / 2, 19, shorten(name, Math.floor(wide / 7)), {
      size: 13,
      bold: true,
      anchor: "middle",
    }),
  );
  const rows = sides.map((side, r) => {
    const y = TOP + r * (SIDE + FOOT + GAP);
    const cells = columns.map((column, c) =>
      cell(LEFT + c * (wide + GAP), y, wide, column, { side, sides, minForeground }),
    );
    return html`${text(4, y + SIDE / 2 + 4, `${side} px`, { size: 13, bold: true })}${cells}`;
  });
  return svg(width, height, "Patches of each class at each scale", html`${heads}${rows}`);
}

function cell(
  x: number,
  y: number,
  wide: number,
  { colonies, sides: known }: Column,
  { side, sides, minForeground }: { side: number; sides: readonly number[]; minForeground: number },
): Html {
  const largest = Math.max(...sides);
  const patches = colonies.map((colony, i) => {
    const corner = drawnPatch(colony, largest, minForeground);
    const inner = Math.floor((largest - side) / 2);
    return picture(x + i * (SIDE + 3), y, SIDE, cut(colony, { y: corner.y + inner, x: corner.x + inner }, side));
  });
  const reach = known.values.filter((short) => short >= side).length;
  const count = known.sampled
    ? `about ${Math.round((known.total * reach) / known.values.length)} of ${known.total} fit`
    : `${reach} of ${known.total} fit`;
  return html`${patches}${text(x + wide / 2, y + SIDE + 13, count, { size: 11, anchor: "middle", fill: "var(--muted)" })}`;
}

/** Refuses patch sides that no image has. @throws UserError */
export function checkScales(scales: readonly number[]): void {
  const wrong = scales.find((side) => !Number.isInteger(side) || side < 8 || side > 2048);
  if (wrong !== undefined)
    throw new UserError(`--scales ${scales.join(",")}: ${wrong} is no patch side; give pixels from 8 to 2048`);
}
