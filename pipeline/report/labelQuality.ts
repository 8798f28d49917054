/** How often pseudo-labels are right, class by class, where the true classes of the unlabelled images are known. */
import { type Curve, lineChart, MOST_SERIES, type Point, seriesStyle } from "./charts.js";
import { epochAxis } from "./curves.js";
import { percent } from "./format.js";
import { figure, type Html, html } from "./html.js";
import type { EpochLine, LabelQuality } from "./metricsFile.js";
import { epochMap } from "./sampling.js";

type Measured = EpochLine & { pseudoQuality: LabelQuality };

/** Sentence, charts over epochs and a table of the last one; null where no true class is known. */
export function labelQuality(epochs: readonly EpochLine[], classes: readonly string[], who: string): Html | null {
  const measured = epochs.filter((e): e is Measured => e.pseudoQuality?.precision.length === classes.length);
  const last = measured.at(-1);
  if (!last) return null;
  return html`<h3>How often the pseudo-labels are right</h3>
<p>${meaning(last, classes, who)}</p>
<div class="pair">
${figure(
  "Precision of the pseudo-labels",
  byEpoch(measured, classes, "precision"),
  `Of the patches that the ${who} gives a class, the share that belongs to it. The others are of another class under this name.`,
)}
${figure(
  "Recall of the pseudo-labels",
  byEpoch(measured, classes, "recall"),
  `Of the patches of a class in truth, the share that the ${who} gives it. The others got the name of another class.`,
)}
</div>
${table(last, classes)}`;
}

/** What the figures of the rarest class mean for someone who wants to use the labels. */
function meaning({ epoch, pseudoQuality }: Measured, classes: readonly string[], who: string): string {
  const { rarest, precision, recall } = pseudoQuality;
  const c = classes.indexOf(rarest ?? "");
  const where = "The classes of the unlabelled images are known here, but hidden from the training.";
  if (c < 0) return where;
  const [right, found] = [precision[c] ?? null, recall[c] ?? null];
  if (right === null)
    return `${where} In epoch ${epoch} the ${who} called no patch ${rarest}, the rarest class: none of it could be learnt as such.`;
  const wrong = Math.round(100 * (1 - right));
  const so =
    wrong === 0
      ? "hardly one of them is something else"
      : `of 100 patches that the ${who} calls so, about ${wrong} ${wrong === 1 ? "is" : "are"} something else`;
  const all = found === null ? "" : `, and ${percent(found, 0)} of the true ${rarest} were found`;
  return `${where} In epoch ${epoch} a pseudo-label “${rarest}”, the rarest class, was right in ${percent(right, 0)} of all cases: ${so}${all}.`;
}

function byEpoch(epochs: readonly Measured[], classes: readonly string[], key: "precision" | "recall"): Html {
  const id = `pseudo-${key}`;
  const label = `${key[0]?.toUpperCase()}${key.slice(1)} of the pseudo-labels of each class by epoch`;
  if (classes.length > MOST_SERIES) {
    const rows = epochs.map(({ epoch, pseudoQuality }) => ({ epoch, values: pseudoQuality[key] }));
    return epochMap({ id, label }, rows, classes, {
      range: [0, 1],
      ends: ["0 %", `100 % ${key}`],
      colors: ["#f5f5f5", "#80cdc1", "#01665e"],
    });
  }
  const curves = classes.map((name, c): Curve => {
    const points = epochs.map((e): Point => [e.epoch, e.pseudoQuality[key][c] ?? null]);
    return { name, ...seriesStyle(c), points, marked: epochs.length <= 30 };
  });
  return lineChart(
    { id, label },
    {
      x: epochAxis(epochs.map(({ epoch }) => [epoch, 0])),
      y: { title: `${key} of the labels`, min: 0, max: 1, format: (v) => percent(v, 0) },
      curves,
    },
  );
}

function table({ epoch, pseudoQuality, pseudoCounts, pseudoTrueCounts }: Measured, classes: readonly string[]): Html {
  const { accuracy, meanPrecision, meanRecall, confident } = pseudoQuality;
  const cells = (values: readonly (number | null)[]) => values.map((value) => html`<td>${percent(value)}</td>`);
  const number = (counts: readonly number[] | null, c: number) => html`<td>${counts?.[c] ?? "–"}</td>`;
  const rows = classes.map((name, c) => {
    const all = [pseudoQuality.precision[c] ?? null, pseudoQuality.recall[c] ?? null];
    const sure = confident && [confident.precision[c] ?? null, confident.recall[c] ?? null];
    return html`<tr><th scope="row">${name}</th>${number(pseudoTrueCounts, c)}${number(pseudoCounts, c)}${cells(all)}${sure && cells(sure)}</tr>\n`;
  });
  const title = `Pseudo-labels of epoch ${epoch}`;
  const means = [meanPrecision, meanRecall, ...(confident ? [confident.meanPrecision, confident.meanRecall] : [])];
  return html`<h3>${title}, the last</h3><div class="scroll"><table class="per-class" aria-label="${title}"><thead><tr><th scope="col">Class</th><th scope="col">In truth</th><th scope="col">Labels</th><th scope="col">Precision</th><th scope="col">Recall</th>${confident && html`<th scope="col">Precision<small>confident ones</small></th><th scope="col">Recall<small>confident ones</small></th>`}</tr></thead>
<tbody>${rows}</tbody>
<tfoot><tr><th scope="row">Mean</th><td></td><td></td>${cells(means)}</tr></tfoot></table></div>
<p class="small">All labels: ${percent(accuracy)} are right.${confident && confidentText(confident)} A dash: cannot be computed (0/0).</p>`;
}

function confidentText({ share, accuracy }: NonNullable<LabelQuality["confident"]>): string {
  const reached = " Confident ones reach the threshold of the configuration:";
  if (share === 0) return `${reached} none does.`;
  return `${reached} ${percent(share)} of all, of which ${percent(accuracy)} are right; their recall counts all patches of the class.`;
}
