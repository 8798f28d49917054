/** Tables of a run: confusion, figures per class, image counts, environment. */
import { stringify } from "yaml";
import type { Evaluation } from "../metrics.js";
import { proportionInterval } from "../uncertainty.js";
import type { DatasetFacts } from "./data.js";
import { count, decimal, percent } from "./format.js";
import { type Html, html, trusted } from "./html.js";

/** Above this many classes the matrix is set small, without percentages. */
const MANY = 12;

/** Confusion matrix: rows = truth; each cell a count and its share of the row, shaded by that share. */
export function confusionTable(title: string, { confusion }: Evaluation, classes: readonly string[]): Html {
  const many = classes.length > MANY;
  return html`<h3>${title}</h3><div class="scroll"><table class="confusion${many && " many"}" aria-label="${title}">
<thead><tr><td colspan="2"></td><th class="axis" colspan="${classes.length}">predicted class</th></tr>
<tr><td colspan="2"></td>${classes.map((name) => html`<th scope="col"><span>${name}</span></th>`)}<th scope="col">total</th></tr></thead>
<tbody>${confusion.map((row, i) => confusionRow(row, i, classes, many))}</tbody></table></div>`;
}

function confusionRow(row: readonly number[], i: number, classes: readonly string[], many: boolean): Html {
  const support = row.reduce((a, b) => a + b, 0);
  const cells = row.map((n, j) => {
    const share = support === 0 ? 0 : n / support;
    const kind = [i === j && "right", share > 0.5 && "strong"].filter(Boolean).join(" ");
    const shade = (share > 0.5 ? 0.76 + 0.24 * share : 0.06 + 0.8 * share).toFixed(2);
    const looks = html`${kind !== "" && html` class="${kind}"`}${n > 0 && html` style="background:rgba(var(--tint),${shade})"`}`;
    return html`<td${looks}>${many && n === 0 ? "" : n}${!many && html`<small>${percent(support === 0 ? null : share, 0)}</small>`}</td>`;
  });
  const side = i === 0 && html`<th class="axis side" rowspan="${classes.length}">actual class</th>`;
  return html`<tr>${side}<th scope="row">${classes[i]!}</th>${cells}<td>${count(support)}</td></tr>\n`;
}

/** Recall, precision, F1, AUROC and support of each class, with their means. */
export function classTable(title: string, evaluation: Evaluation): Html {
  const rows = evaluation.perClass.map((c) => {
    const right = Math.round((c.recall ?? 0) * c.support);
    const [low, high] = proportionInterval(right, c.support);
    const limits = c.support > 0 && html`<small>${decimal(low, 2)} to ${decimal(high, 2)}</small>`;
    return html`<tr><th scope="row">${c.class}</th><td>${count(c.support)}</td><td>${decimal(c.recall)}${limits}</td><td>${decimal(c.precision)}</td><td>${decimal(c.f1)}</td><td>${decimal(c.auroc)}</td></tr>\n`;
  });
  return html`<h3>${title}</h3><div class="scroll"><table class="per-class" aria-label="${title}"><thead><tr><th scope="col">Class</th><th scope="col">Images</th><th scope="col">Recall (TPR)<small>95 % limits</small></th><th scope="col">Precision</th><th scope="col">F1</th><th scope="col">AUROC</th></tr></thead>
<tbody>${rows}</tbody>
<tfoot><tr><th scope="row">Mean</th><td>${count(evaluation.n)}</td><td>${decimal(evaluation.balancedAccuracy)}</td><td>${decimal(mean(evaluation.perClass.map((c) => c.precision)))}</td><td>${decimal(evaluation.macroF1)}</td><td>${decimal(evaluation.auroc)}</td></tr></tfoot></table></div>
<p class="small">Mean recall is the balanced accuracy. All images: accuracy ${percent(evaluation.accuracy)}, mean cross-entropy ${decimal(evaluation.loss)} nats.</p>`;
}

/** How many images of each class went into each part of the split. */
export function imageTable({ classes, counts, unlabelled, multiLabel }: DatasetFacts): Html {
  const parts = [
    { name: "Labelled (L)", values: counts.L },
    { name: "Validation", values: counts.validation },
    { name: "Unlabelled (U), in truth", values: counts.U },
    { name: "Test (T)", values: counts.T },
  ];
  const cell = (value: number | undefined): string => (value === undefined ? "–" : count(value));
  const rows = classes.map(
    (name, c) =>
      html`<tr><th scope="row">${name}</th>${parts.map(({ values }) => html`<td>${values ? cell(values[c]) : "unknown"}</td>`)}</tr>\n`,
  );
  const sums = parts.map(({ values }) => {
    const sum = values
      ? values.reduce((a, b) => a + b, 0)
      : unlabelled === undefined
        ? undefined
        : unlabelled - multiLabel;
    return html`<td>${cell(sum)}</td>`;
  });
  return html`<div class="scroll"><table><thead><tr><th scope="col">Class</th>${parts.map((part) => html`<th scope="col">${part.name}</th>`)}</tr></thead>
<tbody>${rows}</tbody><tfoot><tr><th scope="row">All</th>${sums}</tr></tfoot></table></div>
${multiLabel > 0 && html`<p class="small">There are ${count(multiLabel)} multi-label images besides: they show several classes and have no label of their own.</p>`}`;
}

/** Any JSON object as a two-column table, nested names joined by dots. */
export function factsTable(facts: Record<string, unknown>): Html {
  const rows = flatten(facts).map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>\n`);
  return html`<div class="scroll"><table class="facts-table"><tbody>${rows}</tbody></table></div>`;
}

/** The configuration as YAML, ready for a file given to --config. */
export function configText(config: Record<string, unknown>): Html {
  return html`<pre>${trusted("")}${stringify(config, { lineWidth: 0, flowCollectionPadding: false })}</pre>`;
}

function flatten(value: unknown, prefix = ""): [name: string, value: string][] {
  if (typeof value !== "object" || value === null) return [[prefix, value === null ? "unknown" : String(value)]];
  if (Array.isArray(value))
    return [[prefix, value.map((v) => (typeof v === "object" ? JSON.stringify(v) : String(v))).join(", ")]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, prefix === "" ? key : `${prefix}.${key}`));
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((v) => v !== null);
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
}
