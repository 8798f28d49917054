import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProfileRow } from "../../engine/profile/index.js";
import { percent } from "../format.js";
import { type Content, figure, type Html, html, trusted } from "../report/html.js";
import { styleSheet } from "../report/style.js";
import { adapterName, subjectText } from "./compare.js";
import type { ProfileDocument } from "./document.js";
import { codeOf } from "./dumpShaders.js";
import { rooflineChart } from "./rooflineChart.js";

const ownStyle = `
body { max-width: 1400px; }
.rows th, .rows td { padding: .25rem .5rem; font-size: .82rem; white-space: nowrap; }
.rows td.text, .rows th:nth-child(-n+4) { text-align: left; }
a { color: var(--c0); text-decoration: none; }
.rows tr:target { outline: 2px solid var(--c0); }
.bar { position: relative; }
.bar::before { content: ""; position: absolute; inset: 3px auto 3px 0; width: var(--w); background: rgba(var(--tint), .22); }
.bar span { position: relative; }
details { border-bottom: 1px solid var(--rule); padding: .35rem 0; }
summary { cursor: pointer; }
pre { columns: auto; white-space: pre; tab-size: 2; }
.tiles { grid-template-columns: repeat(5, 1fr); }
@media (max-width: 720px) { .tiles { grid-template-columns: repeat(2, 1fr); } }
`;

/** The profile as one HTML file: key figures, roofline, table, and the WGSL of each kernel. No script, no network. */
export function profilePage(profile: ProfileDocument): string {
  const { warnings, created, equipoise } = profile;
  const document = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Profile: ${subjectText(profile)}</title><style>${trusted(styleSheet + ownStyle)}</style></head>
<body><main><h1>Profile</h1>
<p class="facts">${subjectText(profile)} · ${adapterName(profile)} · Equipoise ${equipoise} · ${created.slice(0, 16).replace("T", " ")} UTC</p>
${warnings.length > 0 && html`<ul class="notes">${warnings.map((text) => html`<li>${text}</li>`)}</ul>`}
${tiles(profile)}
${timing(profile)}
<section><h2>Roofline</h2>${figure("", rooflineChart(profile), "The lines are this adapter's measured peaks: what the fastest of several multiply-add and copy kernels reached. The area of a point is its share of the step; numbers are the rows below. Operations and bytes are counted from sizes, each tensor moved once: what stays in a cache can lie above the slope. Kernels whose operations are not counted, or that take less than 0.05 % of the step, are left out.")}</section>
<section><h2>Kernels by time</h2>${table(profile)}</section>
<section><h2>Code</h2>${sources(profile)}</section>
</main></body></html>
`;
  return document.markup;
}

function tiles({ times, totals, roofline, rows }: ProfileDocument): Html {
  const rate = totals.matrixFlops / times.unprofiledMs / 1e6;
  const tile = (name: string, value: string, note: string) =>
    html`<div class="tile"><span class="name">${name}</span><b>${value}</b><span>${note}</span></div>`;
  const how = times.capturedMs === null ? "" : `captured; ${ms(times.eagerMs)} op by op; `;
  return html`<div class="tiles">
${tile("Step", ms(times.unprofiledMs), `${how}without the profiler, median of ${times.repeats}`)}
${tile("Profiled", ms(times.profiledMs), `${signedPercent(times.profiledMs / times.unprofiledMs - 1)} by the profiler`)}
${tile("Kernels", ms(times.gpuSumMs), `${percent(times.gpuSumMs / times.gpuSpanMs)} of the GPU's time from first to last`)}
${tile("Rate", `${rate.toFixed(1)} GFLOP/s`, `${percent(rate / roofline.gflops)} of the multiply-add peak`)}
${tile("At the roof", ms(times.gpuSumMs - totals.recoverableMs), `${ms(totals.recoverableMs)} recoverable in ${rows.length} rows`)}
</div>`;
}

function timing(profile: ProfileDocument): Html {
  const { times, timing: by, quantumNs, dispatches, submits, peakBytes, totals, roofline } = profile;
  const padding = totals.paddedMatrixFlops / Math.max(1, totals.matrixFlops) - 1;
  const clock = by === "host" ? "host timing, one dispatch at a time" : `timestamps, clock step ${quantumNs} ns`;
  const captured = times.capturedHostMs === null ? "" : `, ${ms(times.capturedHostMs)} captured`;
  return html`<p class="small">${dispatches} dispatches, ${submits} ${submits === 1 ? "submission" : "submissions"}; host ${ms(times.eagerHostMs)} per step op by op${captured}; ${clock}.
${(totals.matrixFlops / 1e9).toFixed(2)} GFLOP of convolutions and products (${percent(padding)} more with padded channels), ${(totals.bytes / 1e6).toFixed(0)} MB moved at least;
at most ${(peakBytes / 2 ** 20).toFixed(0)} MiB of tensors at once. Peaks: ${roofline.gflops.toFixed(0)} GFLOP/s (${roofline.gflopsBy}), ${roofline.gbps.toFixed(1)} GB/s (${roofline.gbpsBy}).</p>`;
}

const heads = [
  "#|",
  "kernel|",
  "shape|",
  "variant|",
  "calls|per step",
  "median|ms",
  "p95|ms",
  "share|",
  "GFLOP/s|",
  "GB/s|",
  "FLOP/byte|",
  "of roof|",
  "recoverable|ms",
  "grid x threads|",
  "hints|registers, workgroup bytes, tail waste",
];

function table({ rows, times }: ProfileDocument): Html {
  const head = heads
    .map((text) => text.split("|"))
    .map(([name = "", unit = ""]) => html`<th>${name}${unit !== "" && html`<small>${unit}</small>`}</th>`);
  return html`<div class="scroll"><table class="rows"><thead><tr>${head}</tr></thead>
<tbody>${rows.map(tableRow)}</tbody>
<tfoot><tr><td></td><td>all</td><td colspan="5"></td><td>100 %</td><td colspan="4"></td><td>${sum(rows).toFixed(2)}</td><td colspan="2">of ${ms(times.gpuSumMs)}</td></tr></tfoot></table></div>
<p class="small">“Of roof”: the time that the measured peaks allow, over the median; above 100 % the data came from a cache.
Recoverable: what a step would save at the roof. Hints are guesses from the code and the tile, not what the compiler did.</p>`;
}

function tableRow(row: ProfileRow, i: number): Html {
  const cells: [Content, ("text" | "")?][] = [
    [html`<a href="#${anchor(row)}">${row.kernel}</a>`, "text"],
    [row.shape, "text"],
    [row.variant ?? "", "text"],
    [String(round(row.calls))],
    [row.medianMs.toFixed(3)],
    [row.p95Ms.toFixed(3)],
  ];
  const rest: Content[] = [
    row.gflops === null ? "–" : row.gflops.toFixed(1),
    row.gbps.toFixed(1),
    row.intensity === null ? "–" : row.intensity.toFixed(1),
    html`${percent(row.roofShare)} <small>${row.bound}</small>`,
    row.recoverableMs.toFixed(2),
    `${row.grid.join("×")} × ${row.workgroup.reduce((a, b) => a * b, 1)}`,
    hintText(row),
  ];
  const share = `--w:${(100 * row.share).toFixed(1)}%`;
  return html`<tr id="row-${i + 1}"><td>${i + 1}</td>${cells.map(([content, kind]) => html`<td class="${kind ?? ""}">${content}</td>`)}
<td class="bar" style="${share}"><span>${percent(row.share)}</span></td>${rest.map((content) => html`<td>${content}</td>`)}</tr>`;
}

/** Registers, workgroup memory and tail waste of a row, in words. */
export function hintText({ hints }: ProfileRow): string {
  const memory = hints.workgroupBytes > 0 ? `, ${hints.workgroupBytes} B` : "";
  const waste = hints.tailWaste === null ? "" : `, ${percent(hints.tailWaste)}`;
  return `${hints.registers}${memory}${waste}`;
}

/** Each file once, with the constants that it was compiled with. */
function sources({ rows }: ProfileDocument): Html {
  const byKernel = new Map<string, ProfileRow[]>();
  for (const row of rows) byKernel.set(row.kernel, [...(byKernel.get(row.kernel) ?? []), row]);
  return html`${[...byKernel.values()].map((group) => {
    const row = group[0] as ProfileRow;
    const constants = [...new Set(group.map((one) => constantText(one)))].filter((text) => text);
    return html`<details id="${anchor(row)}"><summary><b>${row.kernel}</b> <span class="small">${row.file}, ${percent(group.reduce((total, { share }) => total + share, 0))} of the step</span></summary>
${constants.length > 0 && html`<p class="small">Compiled with ${constants.join("; or ")}.</p>`}
<pre>${sourceOf(row)}</pre></details>`;
  })}`;
}

function constantText({ constants }: ProfileRow): string {
  return Object.entries(constants)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ");
}

/** The file as its author wrote it where the sources are there, else what was compiled (without comments). */
function sourceOf({ file, kernel, constants }: ProfileRow): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const path = join(folder, file);
    if (existsSync(path)) return readFileSync(path, "utf8");
    if (folder === dirname(folder)) return indented(codeOf({ kernel, constants }));
  }
}

/** Two blanks per open brace. */
export function indented(code: string): string {
  let depth = 0;
  return code
    .split("\n")
    .map((line) => {
      const closes = /^[})]/.test(line) ? 1 : 0;
      const text = "  ".repeat(Math.max(0, depth - closes)) + line;
      depth += (line.match(/[{(]/g)?.length ?? 0) - (line.match(/[})]/g)?.length ?? 0);
      return text.trimEnd();
    })
    .join("\n");
}

function anchor({ kernel }: ProfileRow): string {
  return `kernel-${kernel}`;
}

function sum(rows: readonly ProfileRow[]): number {
  return rows.reduce((total, { recoverableMs }) => total + recoverableMs, 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function signedPercent(share: number): string {
  return `${share >= 0 ? "+" : ""}${percent(share)}`;
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}
