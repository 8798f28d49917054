import type { Html } from "../report/html.js";
import type { RunGroup } from "../statistics/groups.js";
import type { FigureRun } from "./load.js";

/** The numbers that the figures have in Witmer & Bhanu (2024). */
export const figureNumbers = [2, 4, 5, 6, 7, 8, 9] as const;
export type FigureNumber = (typeof figureNumbers)[number];

export interface Figure {
  number: FigureNumber;
  title: string;
  /** For a page: colours are its variables. `standalone()` makes a file of it. */
  drawing: Html;
  /** Whole sentences: what is drawn, over how many runs, and what could not be shown. */
  caption: string;
}

/** Why a figure is not there, as a clause. */
export interface MissingFigure {
  number: FigureNumber;
  title: string;
  reason: string;
}

export type FigureGroup = RunGroup<FigureRun>;

/** What a figure is made of. */
export interface FigureContext {
  groups: readonly FigureGroup[];
  /** The configurations named by the user; empty: none named. */
  chosen: readonly FigureGroup[];
  /** Folder of images that replaces the runs' own. */
  data: string | null;
  /** Patch sides in px that replace the runs' own in Figure 4. */
  scales: readonly number[];
}

/** Returns the reason as a text where there is nothing to draw. */
export type Draft = { drawing: Html; caption: string } | string;
