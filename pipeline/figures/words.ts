/** Words that captions share: how many runs, of what, and when. */
import { basename } from "node:path";
import type { FigureRun } from "./load.js";
import type { FigureContext, FigureGroup } from "./types.js";

/** "3 runs (fold 0; seeds 0 to 2)". */
export function runsText(runs: readonly FigureRun[]): string {
  const folds = numbersText("fold", [...new Set(runs.map((run) => run.fold))]);
  const seeds = numbersText("seed", [...new Set(runs.map((run) => run.seed))]);
  return `${runs.length} run${runs.length === 1 ? "" : "s"} (${folds}; ${seeds})`;
}

/** "seed 4", "seeds 0 to 2", "seeds 1, 5, 7". */
export function numbersText(word: string, numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  if (sorted.length === 1) return `${word} ${sorted[0]}`;
  const inRow = sorted.every((n, i) => n === sorted[0]! + i);
  return `${word}s ${inRow && sorted.length > 2 ? `${sorted[0]} to ${sorted.at(-1)}` : sorted.join(", ")}`;
}

/** "ipb-vgg: 3 runs (…); vgg19: 1 run (…)." */
export function groupsText(groups: readonly FigureGroup[]): string {
  return `${groups.map(({ label, runs }) => `${label}: ${runsText(runs)}`).join("; ")}.`;
}

/** Images, recipe, preset, days and program of the runs that were drawn. */
export function originText(runs: readonly FigureRun[]): string {
  const all = (values: (string | null)[]) => [...new Set(values.filter((v) => v !== null))].sort().join(", ");
  const images = all(runs.map(({ dataset }) => (dataset ? basename(dataset.root) : null)));
  const days = all(
    runs.map(({ environment: { startedAt } }) => (typeof startedAt === "string" ? startedAt.slice(0, 10) : null)),
  );
  const versions = all(
    runs.map(({ environment: { equipoise } }) => (typeof equipoise === "string" ? equipoise : null)),
  );
  const parts = [
    images && `images: ${images}`,
    `recipe ${all(runs.map(({ config }) => config.recipe))}`,
    `preset ${all(runs.map(({ config }) => config.preset))}`,
    days && `runs of ${days}`,
    versions && `Equipoise ${versions}`,
  ].filter(Boolean);
  const sentence = parts.join("; ");
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

/** What a band is. */
export function bandText(groups: readonly FigureGroup[]): string {
  const several = groups.some(({ runs }) => runs.length > 1);
  return several
    ? "Lines: means over runs; bands: one standard deviation (n - 1) up and down, where there are two runs or more."
    : "One run of each configuration, so there are no bands.";
}

/** The configurations to draw: those chosen, else the first `most` that a figure can use; and words on those left out. */
export function shownGroups(
  { groups, chosen }: FigureContext,
  usable: (group: FigureGroup) => boolean,
  most: number,
): { shown: FigureGroup[]; leftOut: string } {
  const able = (chosen.length > 0 ? chosen : groups).filter(usable);
  const shown = able.slice(0, most);
  const rest = able.slice(most).map(({ label }) => label);
  const unable = chosen.filter((group) => !usable(group)).map(({ label }) => label);
  const sentences = [
    rest.length > 0 && `Left out, for want of room: ${rest.join(", ")} (--configs chooses).`,
    unable.length > 0 && `Without values for this figure: ${unable.join(", ")}.`,
  ].filter(Boolean);
  return { shown, leftOut: sentences.join(" ") };
}

/** Sentences joined, empty ones left out. */
export function sentences(...parts: (string | false | null)[]): string {
  return parts.filter(Boolean).join(" ");
}
