/** The page of a time course: one HTML file that needs nothing else. */
import { figure, type Html, html, trusted } from "../report/html.js";
import { styleSheet } from "../report/style.js";
import { classCharts } from "./chart.js";
import { type TimeCourse, wellsOf } from "./timecourse.js";
import {
  caption,
  cautions,
  comparisonCells,
  comparisonHead,
  findings,
  methodText,
  summaryText,
  valueText,
} from "./words.js";

/** @param table name of the table of predictions */
export function page(course: TimeCourse, table: string): string {
  const { options, conditions, wells, notes, comparisons } = course;
  const found = findings(course);
  const counts = conditions.map((name) => `${name}: ${wellsOf(wells, name).length} wells`).join(" · ");
  const document = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Equipoise"><title>Time course by ${options.by} · Equipoise</title>
<style>${trusted(`${styleSheet}td { white-space: nowrap; }`)}</style></head><body>
<header><h1>Classes over time by ${options.by}</h1><p class="facts">${table} · ${counts}</p></header><main>
<section><h2>What was found</h2>${found.length > 0 ? list(found) : html`<p class="missing">No test was possible.</p>`}
${notes.length > 0 && html`<ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>`}</section>
<section><h2>Curves</h2><p class="small">${caption(course)}${conditions.length > 8 && " Only the first eight conditions are drawn; the tables have all."}</p>
<div class="pair">${classCharts(course).map(({ title, chart }) => figure(title, chart, ""))}</div></section>
${comparisons.length > 0 && html`<section><h2>Comparisons</h2>${comparisonTable(course)}<p class="small">${methodText(course)}</p></section>`}
<section><h2>Wells</h2><p class="small">For each well and class: ${summaryText(course)}.</p>${wellTable(course)}</section>
<section><h2>Keep in mind</h2>${list(cautions.map((line) => line.replaceAll(/\*\*|`/g, "")))}</section>
</main></body></html>
`;
  return document.markup;
}

function list(lines: readonly string[]): Html {
  return html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): Html {
  const cells = (row: readonly string[]) => row.map((cell) => html`<td>${cell}</td>`);
  return html`<div class="scroll"><table><thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>\n`)}</tbody></table></div>`;
}

function comparisonTable(course: TimeCourse): Html {
  const rows = course.comparisons.map((one) => comparisonCells(course, one));
  const reasons = new Set(course.comparisons.flatMap(({ welch }) => (welch.p === null ? [welch.reason] : [])));
  const why = [...reasons].map((reason) => html`<p class="small">No p-value where ${reason}.</p>`);
  return html`${tableOf(comparisonHead(course), rows)}${why}`;
}

function wellTable(course: TimeCourse): Html {
  const { classes, options, wells, summaries } = course;
  const rows = wells.map(({ well, condition, hours, colonies }, i) => [
    well,
    condition,
    `${hours[0]} to ${hours.at(-1)} h`,
    String(colonies.reduce((sum, n) => sum + n, 0)),
    ...(summaries[i]?.values ?? []).map((value) => valueText(course, value)),
  ]);
  return tableOf(["well", options.by, "times", "colony images", ...classes], rows);
}
