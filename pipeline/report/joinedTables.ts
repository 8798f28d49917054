/** Tables and the overview chart of the joined report. */
import { stringify } from "yaml";
import type { FigureRun } from "../figures/load.js";
import { reasons, type TextTable, textTables } from "../statistics/format.js";
import { decisive, flatten, type RunGroup } from "../statistics/groups.js";
import type { ResultTable } from "../statistics/table.js";
import { mean } from "../statistics/tests.js";
import { axis, draw, ink, muted, seriesStyle, shorten } from "./charts.js";
import { percent } from "./format.js";
import { type Html, html, missing } from "./html.js";

/** Marks the best of a column until it is HTML. */
const BEST = "\u0001";

/** The texts of a result table, by what they are. */
export function textTablesOf(table: ResultTable): {
  figures: TextTable[];
  gap: TextTable | null;
  tests: TextTable | null;
  reasons: string[];
} {
  const all = textTables(table, (text) => `${BEST}${text}`);
  const figures = all.slice(0, table.tables.length);
  const rest = all.slice(table.tables.length);
  const gap = table.gap ? (rest.shift() ?? null) : null;
  return { figures, gap, tests: rest[0] ?? null, reasons: reasons(table) };
}

export function textTableHtml({ title, head, rows, words }: TextTable): Html {
  const cell = (text: string, c: number) => {
    const shown = text.startsWith(BEST) ? html`<b>${text.slice(1)}</b>` : text;
    if (c === 0) return html`<th scope="row">${shown}</th>`;
    return c < words ? html`<td class="word">${shown}</td>` : html`<td>${shown}</td>`;
  };
  return html`<div class="scroll"><table class="texts" aria-label="${title}"><thead><tr>${head.map((one, c) => html`<th scope="col"${c < words && html` class="word"`}>${one}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</tbody></table></div>`;
}

/** Up to this many configurations have a row in the overview. */
const MOST = 40;

/** Balanced accuracy of every tested run, a row per configuration; null without one. */
export function resultDots(groups: readonly RunGroup<FigureRun>[]): Html | null {
  const rows = groups
    .map(({ label, runs }) => ({ label, values: runs.flatMap((run) => run.result?.student.balancedAccuracy ?? []) }))
    .filter(({ values }) => values.length > 0)
    .slice(0, MOST);
  if (rows.length === 0) return null;
  const classes = groups[0]?.runs[0]?.classes.length ?? 1;
  const all = rows.flatMap(({ values }) => values);
  const low = Math.max(0, Math.floor((Math.min(...all, 1 / classes) - 0.02) * 20) / 20);
  const high = Math.min(1, Math.ceil((Math.max(...all) + 0.02) * 20) / 20);
  const { color } = seriesStyle(0);
  return draw(
    { id: "overview", label: "Balanced accuracy of every run", width: 900, height: 64 + 26 * rows.length },
    {
      grid: { left: 8, right: 24, top: 6, bottom: 4, outerBoundsMode: "same" },
      xAxis: axis(
        { title: "balanced accuracy of the student, test part", min: low, max: high, format: (v) => percent(v, 0) },
        "x",
      ),
      yAxis: {
        type: "category",
        inverse: true,
        data: rows.map(({ label }) => shorten(label, 44)),
        axisLabel: { color: ink, fontSize: 12, interval: 0 },
        axisTick: { show: false },
        axisLine: { lineStyle: { color: muted } },
        splitLine: { show: true, lineStyle: { color: "var(--rule)" } },
      },
      series: [
        {
          type: "scatter",
          silent: true,
          symbolSize: 9,
          data: rows.flatMap(({ values }, i) => values.map((value) => [value, i])),
          itemStyle: { color, opacity: 0.55 },
          z: 3,
        },
        {
          type: "scatter",
          silent: true,
          symbol: "rect",
          symbolSize: [3, 20],
          data: rows.map(({ values }, i) => [mean(values), i]),
          itemStyle: { color: ink },
          markLine: {
            silent: true,
            symbol: "none",
            data: [{ xAxis: 1 / classes }],
            lineStyle: { color: muted, type: [2, 3], width: 1.5 },
            label: { show: true, formatter: "chance", color: muted, position: "insideEndTop", fontSize: 11 },
          },
          z: 4,
        },
      ],
    },
  );
}

/** The options in which configurations differ, a column each; and those in which they do not. */
export function differences(groups: readonly RunGroup<FigureRun>[]): Html {
  const options = groups.map(({ runs }) => decisive(runs[0]?.config ?? {}));
  const keys = [...new Set(options.flatMap((own) => [...own.keys()]))].sort();
  const differ = keys.filter((key) => new Set(options.map((own) => own.get(key))).size > 1);
  const same = Object.fromEntries(
    keys
      .filter((key) => !differ.includes(key))
      .map((key) => [key, JSON.parse(options[0]?.get(key) ?? "null") as unknown]),
  );
  const value = (json: string | undefined) => (json === undefined ? "–" : json.replace(/^"(.*)"$/, "$1"));
  const rows = differ.map(
    (key) =>
      html`<tr><th scope="row">${key}</th>${options.map((own) => html`<td class="word">${value(own.get(key))}</td>`)}</tr>\n`,
  );
  return html`${
    differ.length === 0
      ? html`<p>All runs have the same configuration but for fold and seed.</p>`
      : html`<div class="scroll"><table class="texts" aria-label="Options that differ"><thead><tr><th scope="col">Option</th>${groups.map(({ label }) => html`<th scope="col" class="word">${label}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`
  }
<details><summary>${Object.keys(same).length} options that are the same in all</summary><pre>${stringify(same, { lineWidth: 0 })}</pre></details>`;
}

/** Facts that differ from run to run by their nature, or that other sections show. */
const ofRun = /^(seed|startedAt|dataset\.(counts|digest|unlabelled|multiLabel))/;

/** Every fact of the environments with its values; how many runs have each where there are several. */
export function environments(runs: readonly FigureRun[]): Html {
  const facts = new Map<string, Map<string, number>>();
  for (const { environment } of runs)
    for (const [key, json] of flatten(environment)) {
      if (ofRun.test(key)) continue;
      const values = facts.get(key) ?? new Map<string, number>();
      values.set(json, (values.get(json) ?? 0) + 1);
      facts.set(key, values);
    }
  if (facts.size === 0) return missing("The runs do not say where they ran.");
  const plain = (json: string) => json.replace(/^"(.*)"$/, "$1");
  const rows = [...facts].map(([key, values]) => {
    const texts = [...values].map(([json, n]) =>
      values.size === 1 && n === runs.length ? plain(json) : `${plain(json)} (${n} runs)`,
    );
    return html`<tr><th scope="row">${key}</th><td>${texts.join(", ")}</td></tr>\n`;
  });
  return html`<div class="scroll"><table class="facts-table"><tbody>${rows}</tbody></table></div>`;
}
