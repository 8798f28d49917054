/** The figures of the article (Witmer & Bhanu 2024), for runs on any data set: SVG and PNG with captions. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../engine/errors.js";
import { chosenGroup } from "../statistics/entries.js";
import { groupRuns } from "../statistics/groups.js";
import { classWeightFigure } from "./classWeights.js";
import { colonyFigure } from "./colonies.js";
import { labelledFractionFigure } from "./labelledFraction.js";
import { loadRuns } from "./load.js";
import { lossFigure } from "./losses.js";
import { mistakeFigure } from "./mistakes.js";
import { checkScales, patchFigure } from "./patches.js";
import { svgToPng } from "./png.js";
import { samplingFigure } from "./samplingWeights.js";
import { standalone } from "./standalone.js";
import {
  type Draft,
  type Figure,
  type FigureContext,
  type FigureGroup,
  type FigureNumber,
  figureNumbers,
  type MissingFigure,
} from "./types.js";

export { type PngOptions, svgToPng } from "./png.js";
export { standalone } from "./standalone.js";
export { type Figure, type FigureNumber, figureNumbers, type MissingFigure } from "./types.js";

export interface FigureOptions {
  /** Default: all. */
  only?: readonly FigureNumber[];
  /** Labels or names of the configurations to draw. Default: the first that fit. */
  configs?: readonly string[];
  /** Folder of images that replaces the runs' own. */
  data?: string;
  /** Patch sides of Figure 4, px. Default: those of the runs. */
  scales?: readonly number[];
}

export interface FigureSet {
  figures: Figure[];
  missing: MissingFigure[];
}

const makers: Record<FigureNumber, { title: string; make: (context: FigureContext) => Draft | Promise<Draft> }> = {
  2: { title: "Losses over epochs", make: lossFigure },
  4: { title: "Patches of each class at each scale", make: patchFigure },
  5: { title: "Colony, mask and patch locations", make: colonyFigure },
  6: { title: "Predicted and actual class weights", make: classWeightFigure },
  7: { title: "Sampling weights over epochs", make: samplingFigure },
  8: { title: "Accuracy over the labelled fraction", make: labelledFractionFigure },
  9: { title: "Misclassified test images", make: mistakeFigure },
};

/** Draws what the runs have; what cannot be drawn says why. A problem with images takes away those figures alone. */
export async function drawFigures(
  groups: readonly FigureGroup[],
  { only = figureNumbers, configs = [], data, scales = [] }: FigureOptions = {},
): Promise<FigureSet> {
  checkScales(scales);
  const context = {
    groups,
    chosen: configs.map((name) => chosenGroup(groups, "--configs", name)),
    data: data ?? null,
    scales,
  };
  const set: FigureSet = { figures: [], missing: [] };
  for (const number of [...new Set(only)].sort((a, b) => a - b)) {
    const { title, make } = makers[number];
    const draft = await guarded(make, context);
    if (typeof draft === "string") set.missing.push({ number, title, reason: draft });
    else set.figures.push({ number, title, ...draft });
  }
  return set;
}

async function guarded(
  make: (context: FigureContext) => Draft | Promise<Draft>,
  context: FigureContext,
): Promise<Draft> {
  try {
    return await make(context);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/** What `equipoise figures` reports. */
export interface WrittenFigures {
  out: string;
  runs: number;
  figures: { number: FigureNumber; title: string; caption: string; files: string[] }[];
  missing: MissingFigure[];
  /** Runs that cannot be read. */
  unreadable: { folder: string; reason: string }[];
}

/**
 * Writes `figure-N.svg`, `figure-N.png` and `figure-N.md` (title and caption) for each figure that the runs allow.
 * @throws UserError when no run can be read, nothing can be drawn, or the folder cannot be written
 */
export async function writeFigures(
  folders: readonly string[],
  out: string,
  options: FigureOptions = {},
): Promise<WrittenFigures> {
  const { runs, unreadable } = await loadRuns(folders);
  const { figures, missing } = await drawFigures(groupRuns(runs), options);
  if (figures.length === 0) {
    const why = missing.map(({ number, reason }) => `Figure ${number}: ${reason}`).join("; ");
    throw new UserError(`${folders.join(", ")}: nothing can be drawn. ${why}`);
  }
  return { out, runs: runs.length, figures: figures.map((figure) => write(out, figure)), missing, unreadable };
}

function write(out: string, { number, title, drawing, caption }: Figure): WrittenFigures["figures"][number] {
  const file = standalone(drawing);
  const contents = {
    svg: file,
    png: svgToPng(file),
    md: `**Figure ${number}. ${title}.** ${caption}\n`,
  };
  const files = Object.entries(contents).map(([ending, content]) => {
    const path = join(out, `figure-${number}.${ending}`);
    try {
      mkdirSync(out, { recursive: true });
      writeFileSync(path, content);
    } catch (error) {
      throw new UserError(
        `--out ${out}: ${path} cannot be written (${(error as Error).message}); choose another folder`,
      );
    }
    return path;
  });
  return { number, title, caption, files };
}
