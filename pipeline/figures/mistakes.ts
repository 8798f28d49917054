/** Figure 9: misclassified test images, a grid from the actual to the predicted class. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readGreyImage } from "../data/imageFile.js";
import { shorten } from "../report/charts.js";
import { centre } from "../report/crops.js";
import { locateImage } from "../report/folder.js";
import { percent } from "../report/format.js";
import { type Html, html } from "../report/html.js";
import { type Prediction, type PredictionTable, readPredictions } from "../run/predictions.js";
import { mean } from "../statistics/tests.js";
import { dataFolder } from "./images.js";
import { picture, svg, text } from "./sheet.js";
import type { Draft, FigureContext, FigureGroup } from "./types.js";
import { numbersText, originText, sentences } from "./words.js";

/** More classes than this do not fit: those that are confused most are shown. */
const MOST_CLASSES = 8;
const SIDE = 84;
const GAP = 6;
const LEFT = 130;
const TOP = 56;
const FOOT = 15;

export async function mistakeFigure({ groups, chosen, data }: FigureContext): Promise<Draft> {
  const group = chosen[0] ?? bestGroup(groups);
  const run = group?.runs.find((one) => existsSync(join(one.folder, "predictions.csv")));
  if (!group || !run) return "no run has classified its test part yet (no predictions.csv)";
  const folder = dataFolder(run, data);
  if (typeof folder === "string") return folder;
  const table = await readPredictions(join(run.folder, "predictions.csv"));
  const wrong = table.rows.filter((row) => row.truth !== null && row.truth !== row.predicted);
  const known = table.rows.filter((row) => row.truth !== null).length;
  if (known === 0) return "the table of predictions holds no true classes";
  if (wrong.length === 0) return `no test image of ${run.name} was misclassified`;
  if (!table.rows.some((row) => locateImage(folder.root, row.file)))
    return `the test images are no longer in ${folder.root}; put them back there, or give --data`;
  const shown = confusedClasses(table, wrong);
  const each = shown.length <= 3 ? 3 : shown.length <= 5 ? 2 : 1;
  const patch = (run.config.patch as { size?: unknown } | undefined)?.size;
  const size = typeof patch === "number" ? patch : 128;
  const cells = await readCells({ wrong, shown, each, root: folder.root, size });
  return {
    drawing: grid(table.classes, shown, cells, each),
    caption: sentences(
      `Test images that the student of ${group.label} (${numbersText("fold", [run.fold])}, ${numbersText("seed", [run.seed])}) misclassified: ${wrong.length} of ${known}.`,
      `Each square is the central patch (${size} px) of an image; of each kind of mistake the surest are shown, with the probability of the answer, and how often it happened.`,
      "Filled: right answers, left out. Crossed out: never happened.",
      !chosen[0] &&
        groups.length > 1 &&
        "Of all configurations here it has the highest mean balanced accuracy (--configs chooses another).",
      shown.length < table.classes.length &&
        `Of ${table.classes.length} classes, the ${shown.length} that are confused most; ${wrong.filter((row) => !shown.includes(row.truth ?? -1) || !shown.includes(row.predicted)).length} mistakes involve others.`,
      originText([run]),
    ),
  };
}

function bestGroup(groups: readonly FigureGroup[]): FigureGroup | undefined {
  const score = ({ runs }: FigureGroup) => {
    const values = runs.flatMap((run) => run.result?.student.balancedAccuracy ?? []);
    return values.length === 0 ? -1 : mean(values);
  };
  const able = groups.filter(({ runs }) => runs.some((run) => existsSync(join(run.folder, "predictions.csv"))));
  return [...able].sort((a, b) => score(b) - score(a))[0];
}

function confusedClasses({ classes }: PredictionTable, wrong: readonly Prediction[]): number[] {
  const times = (c: number) => wrong.filter((row) => row.truth === c || row.predicted === c).length;
  return classes
    .map((_, c) => c)
    .sort((a, b) => times(b) - times(a) || a - b)
    .slice(0, MOST_CLASSES)
    .sort((a, b) => a - b);
}

interface Cell {
  times: number;
  patches: { image: Parameters<typeof picture>[3] | null; sure: number }[];
}

interface CellRequest {
  wrong: readonly Prediction[];
  shown: readonly number[];
  each: number;
  root: string;
  size: number;
}

/** By "from/to". */
async function readCells({ wrong, shown, each, root, size }: CellRequest): Promise<Map<string, Cell>> {
  const cells = new Map<string, Cell>();
  for (const from of shown)
    for (const to of shown) {
      const sure = (row: Prediction) => row.probabilities[to] ?? 0;
      const found = wrong
        .filter((row) => row.truth === from && row.predicted === to)
        .sort((a, b) => sure(b) - sure(a) || (a.file < b.file ? -1 : 1));
      const patches = [];
      for (const row of found.slice(0, each)) {
        const file = locateImage(root, row.file);
        const image = file === null ? null : centre(await readGreyImage(file), size);
        patches.push({ image, sure: sure(row) });
      }
      cells.set(`${from}/${to}`, { times: found.length, patches });
    }
  return cells;
}

function grid(
  classes: readonly string[],
  shown: readonly number[],
  cells: ReadonlyMap<string, Cell>,
  each: number,
): Html {
  const wide = each * (SIDE + 3) - 3;
  const tall = SIDE + FOOT;
  const name = (c: number, most: number) => shorten(classes[c] ?? "", most);
  const at = (i: number, j: number) => ({ x: LEFT + j * (wide + GAP), y: TOP + i * (tall + GAP) });
  const [width, height] = [LEFT + shown.length * (wide + GAP), TOP + shown.length * (tall + GAP)];
  const heads = shown.map((c, j) =>
    text(at(0, j).x + wide / 2, TOP - 10, name(c, Math.floor(wide / 7.5)), { size: 13, bold: true, anchor: "middle" }),
  );
  const sides = shown.map((c, i) =>
    text(LEFT - 10, at(i, 0).y + SIDE / 2 + 4, name(c, 13), { size: 13, bold: true, anchor: "end" }),
  );
  const axes = html`${text((LEFT + width) / 2, 18, "predicted class", { anchor: "middle", fill: "var(--muted)" })}
${text(16, (TOP + height) / 2, "actual class", { anchor: "middle", fill: "var(--muted)", turn: -90 })}`;
  const body = shown.flatMap((from, i) =>
    shown.map((to, j) => {
      const { x, y } = at(i, j);
      if (from === to) return html`<rect x="${x}" y="${y}" width="${wide}" height="${SIDE}" fill="var(--ink)"/>`;
      return cellOf(x, y, wide, cells.get(`${from}/${to}`) ?? { times: 0, patches: [] });
    }),
  );
  return svg(
    width,
    height,
    "Misclassified test images by actual and predicted class",
    html`${axes}${heads}${sides}${body}`,
  );
}

function cellOf(x: number, y: number, wide: number, { times, patches }: Cell): Html {
  if (times === 0)
    return html`<path d="M${x} ${y}h${wide}v${SIDE}h${-wide}zl${wide} ${SIDE}M${x + wide} ${y}l${-wide} ${SIDE}" fill="none" stroke="var(--rule)"/>`;
  const drawn = patches.map(({ image, sure }, k) => {
    const left = x + k * (SIDE + 3);
    if (!image) return text(left + SIDE / 2, y + SIDE / 2, "gone", { anchor: "middle", fill: "var(--muted)" });
    const words = text(left + SIDE - 4, y + SIDE - 5, percent(sure, 0), { size: 10, anchor: "end", fill: "#fff" });
    const ground = html`<rect x="${left + SIDE - 38}" y="${y + SIDE - 16}" width="38" height="16" fill="#000" fill-opacity=".65"/>`;
    return html`${picture(left, y, SIDE, image)}${ground}${words}`;
  });
  return html`${drawn}${text(x + 2, y + SIDE + 12, `${times}×`, { size: 11, bold: true })}`;
}
