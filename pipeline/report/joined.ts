/** The joined report: many runs on one page, with tables, figures, what differs between them, and where they ran. */

import { existsSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { drawFigures, type FigureSet } from "../figures/index.js";
import { type FigureRun, type LoadedRuns, loadRuns } from "../figures/load.js";
import { originText } from "../figures/words.js";
import { groupRuns, type RunGroup } from "../statistics/groups.js";
import type { FinishedRun } from "../statistics/runs.js";
import { type ResultTable, resultTable, type TableOptions } from "../statistics/table.js";
import { duration, percent } from "./format.js";
import { type Content, type Html, html, missing, trusted } from "./html.js";
import { differences, environments, resultDots, textTableHtml, textTablesOf } from "./joinedTables.js";
import { reportName } from "./report.js";
import { styleSheet } from "./style.js";

export interface JoinedOptions extends Pick<TableOptions, "against" | "gap" | "metrics"> {
  /** Folder of images for the figures that show some; default: the runs' own. */
  data?: string;
}

/**
 * The page of several runs, or of an experiment's folder; unfinished and unreadable runs are listed. Its size is bounded: figures
 * show a few configurations, and there is one line per run.
 * @param outFile where it is to be, for links to the reports of the runs
 * @throws UserError when there is no run, or the runs do not belong together
 */
export async function joinedPage(
  folders: readonly string[],
  outFile: string,
  { data, ...tableOptions }: JoinedOptions = {},
): Promise<string> {
  const loaded = await loadRuns(folders);
  const groups = groupRuns(loaded.runs);
  const finished = loaded.runs.flatMap(({ result }): FinishedRun[] => (result ? [result] : []));
  const table = finished.length > 0 ? resultTable(finished, tableOptions) : null;
  const figures = await drawFigures(groups, data === undefined ? {} : { data });
  const title = folders.length === 1 ? basename(resolve(folders[0] as string)) : `${loaded.runs.length} runs`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Equipoise"><title>${title} · Equipoise report</title>
<style>${trusted(styleSheet)}</style></head><body class="joined">
<header><h1>${title}</h1><p class="facts">${subtitle(loaded, groups, finished.length)}</p></header>
<main>
${section("result", "Results on the test part", table ? results(table, groups) : missing("No run has been tested yet."))}
${table && section("tests", "Are the differences more than chance?", tests(table))}
${section("figures", "Figures", figureList(figures))}
${section("configurations", "What differs between the configurations", differences(groups))}
${section("runs", "Runs", runList(loaded, groups, dirname(resolve(outFile))))}
${section("environment", "Environment", environments(loaded.runs))}
${table && section("notes", "How to read this", html`<ul class="notes">${table.notes.map((note) => html`<li>${note}</li>`)}</ul>`)}
</main>
<footer><p class="small">“The article” is A. Witmer and B. Bhanu, Iterative pseudo balancing for stem cell microscopy image
classification, Scientific Reports 14, 4489 (2024); the figures have its numbers. Made by Equipoise from the run folders; this file
needs no network.</p></footer>
</body></html>
`.markup;
}

function section(id: string, title: string, content: Content): Html {
  return html`<section id="${id}"><h2>${title}</h2>
${content}
</section>`;
}

function subtitle({ runs, unreadable }: LoadedRuns, groups: readonly RunGroup<FigureRun>[], finished: number): string {
  const parts = [
    `${runs.length} run${runs.length === 1 ? "" : "s"} of ${groups.length} configuration${groups.length === 1 ? "" : "s"}`,
    finished < runs.length && `${finished} tested`,
    unreadable.length > 0 && `${unreadable.length} unreadable`,
  ].filter(Boolean);
  return `${parts.join(", ")} · ${originText(runs)}`;
}

function results(table: ResultTable, groups: readonly RunGroup<FigureRun>[]): Html {
  const { figures } = textTablesOf(table);
  const averages = figures.at(-1);
  return html`<p class="intro">Mean (standard deviation) over folds and seeds, the best of a column in bold.</p>
${averages ? textTableHtml(averages) : null}
<div class="chart scroll">${resultDots(groups)}</div>
<p class="small">Every run is a point, the line is the mean of the configuration. Chance is one in as many as there are classes.</p>
${figures.slice(0, -1).map((one) => html`<details><summary>${one.title}</summary>${textTableHtml(one)}</details>`)}`;
}

/** Up to this many comparisons are shown at once. */
const OPEN = 15;

function tests(table: ResultTable): Html {
  const { gap, tests: compared, reasons } = textTablesOf(table);
  const why = reasons.length > 0 && html`<ul class="notes">${reasons.map((line) => html`<li>${line}</li>`)}</ul>`;
  if (!compared) return missing("There is only one configuration, so there is nothing to compare.");
  const body = textTableHtml(compared);
  return html`${gap && html`<h3>${gap.title}</h3>${textTableHtml(gap)}`}
${compared.rows.length <= OPEN ? body : html`<details><summary>${compared.rows.length} comparisons</summary>${body}</details>`}
${why && (reasons.length <= OPEN ? why : html`<details class="screen"><summary>Why some have no p-value</summary>${why}</details>`)}`;
}

function figureList({ figures, missing: absent }: FigureSet): Html {
  const drawn = figures.map(
    ({ number, title, drawing, caption }) =>
      html`<figure id="figure-${number}"><h3>Figure ${number}. ${title}</h3><div class="scroll">${drawing}</div><figcaption>${caption}</figcaption></figure>\n`,
  );
  const rest = absent.map(({ number, title, reason }) => html`<li>Figure ${number} (${title}): ${reason}.</li>`);
  return html`${drawn}${rest.length > 0 && html`<p>Not drawn:</p><ul class="notes">${rest}</ul>`}`;
}

function runList({ unreadable }: LoadedRuns, groups: readonly RunGroup<FigureRun>[], from: string): Html {
  const lines = groups.flatMap(({ label, runs }) =>
    runs.map((run) => {
      const { student, teacher, seconds } = run.result ?? {};
      const shown = (value: number | null | undefined) =>
        value === undefined || value === null ? "–" : percent(value);
      return html`<tr><th scope="row">${nameOf(run, from)}</th><td class="word">${label}</td><td>${run.fold}</td><td>${run.seed}</td><td class="word">${run.result ? "tested" : "not finished"}</td><td>${shown(student?.balancedAccuracy)}</td><td>${shown(student?.macroF1)}</td><td>${shown(teacher?.balancedAccuracy)}</td><td>${seconds === undefined ? "–" : duration(seconds)}</td></tr>\n`;
    }),
  );
  const heads = ["Run", "Configuration", "Fold", "Seed", "State", "Balanced accuracy", "F1", "Teacher's", "Time"];
  const words = ["Configuration", "State"];
  const broken = unreadable.map(({ folder, reason }) => html`<li>${basename(folder)}: ${reason}</li>`);
  return html`<div class="scroll"><table class="texts" aria-label="Runs"><thead><tr>${heads.map((head) => html`<th scope="col"${words.includes(head) && html` class="word"`}>${head}</th>`)}</tr></thead>
<tbody>${lines}</tbody></table></div>
${broken.length > 0 && html`<p>Runs that cannot be read:</p><ul class="notes">${broken}</ul>`}`;
}

/** The run's name, linked to its own report where there is one. */
function nameOf({ folder, name }: FigureRun, from: string): Content {
  if (!existsSync(join(folder, reportName))) return name;
  const path = relative(from, join(resolve(folder), reportName))
    .split(sep)
    .map(encodeURIComponent)
    .join("/");
  return html`<a href="${path}">${name}</a>`;
}
