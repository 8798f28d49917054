/** Figure 7: how often balancing draws a patch, by its predicted class, over epochs. */
import { lineChart, MOST_SERIES, seriesStyle } from "../report/charts.js";
import { epochAxis } from "../report/curves.js";
import { tick } from "../report/format.js";
import { samplingRates } from "../report/sampling.js";
import { type EpochMean, meanByEpoch, meanCurve } from "./byEpoch.js";
import { type Panel, sheet } from "./sheet.js";
import type { Draft, FigureContext, FigureGroup } from "./types.js";
import { groupsText, originText, sentences, shownGroups } from "./words.js";

const MOST = 4;
const SIZE = { width: 430, height: 260 };
/** One panel alone. */
const LARGE = { width: 700, height: 340 };

export function samplingFigure(context: FigureContext): Draft {
  const usable = ({ runs }: FigureGroup) => runs.some((run) => run.epochs.train.some((line) => samplingRates(line)));
  const { shown, leftOut } = shownGroups(context, usable, MOST);
  if (shown.length === 0)
    return "no run has sampling weights (nothing is balanced by pseudo-labels, or not that far yet)";
  const classes = shown[0]!.runs[0]!.classes;
  const means = shown.map((group) => classes.map((_, c) => rateMeans(group, c)));
  const drawn = mostVaried(means, classes.length);
  const all = means.flatMap((group) => drawn.flatMap((c) => (group[c] ?? []).flatMap(({ low, high }) => [low, high])));
  const limits = [
    2 ** Math.floor(Math.log2(Math.min(1, ...all))),
    2 ** Math.ceil(Math.log2(Math.max(1, ...all))),
  ] as const;
  const size = shown.length === 1 ? LARGE : SIZE;
  const panels = shown.map((group, g) => chart(g, group, { drawn, means: means[g] ?? [], limits, size }));
  const several = shown.some(({ runs }) => runs.length > 1);
  return {
    drawing: sheet("Sampling weights of each class over epochs", panels, {
      columns: 2,
      ...size,
      legend: drawn.map((c, i) => ({ text: classes[c] ?? "", style: seriesStyle(i) })),
    }),
    caption: sentences(
      "How often a patch is drawn in an epoch, in expectation, by the class it was given: the inverse of the class's share among the pseudo-labels, divided by the number of classes that were given at all. At 1 (line) a patch is drawn as often as without balancing.",
      several
        ? "Lines: means over the runs in which the class was given to a patch; bands: from the lowest of these to the highest."
        : "One run of each configuration, so there are no bands.",
      "A gap: the class was given to no patch in any run.",
      drawn.length < classes.length &&
        `Of ${classes.length} classes, the ${drawn.length} with the most extreme weights.`,
      groupsText(shown),
      leftOut,
      originText(shown.flatMap((group) => group.runs)),
    ),
  };
}

function rateMeans({ runs }: FigureGroup, c: number): EpochMean[] {
  return meanByEpoch(
    runs.map((run) => run.epochs.train),
    (line) => samplingRates(line)?.[c] ?? null,
  );
}

/** As many classes as can be told apart, those with the most extreme weights. */
function mostVaried(means: readonly EpochMean[][][], classes: number): number[] {
  const extreme = (c: number) =>
    Math.max(0, ...means.flatMap((group) => (group[c] ?? []).map((one) => Math.abs(Math.log2(one.mean)))));
  return Array.from({ length: classes }, (_, c) => c)
    .sort((a, b) => extreme(b) - extreme(a) || a - b)
    .slice(0, MOST_SERIES)
    .sort((a, b) => a - b);
}

interface Chart {
  drawn: readonly number[];
  means: readonly EpochMean[][];
  limits: readonly [number, number];
  size: typeof SIZE;
}

function chart(g: number, { label, runs }: FigureGroup, { drawn, means, limits: [min, max], size }: Chart): Panel {
  const balanced = runs.flatMap((run) => run.epochs.train).filter((line) => samplingRates(line) !== null);
  const epochs = [...new Set(balanced.map(({ epoch }) => epoch))].sort((a, b) => a - b);
  const curves = drawn
    .filter((c) => (means[c] ?? []).length > 0)
    .map((c) => meanCurve("", seriesStyle(drawn.indexOf(c)), means[c] ?? [], "range", undefined, epochs));
  const points = curves.flatMap((curve) => curve.points).sort(([a], [b]) => a - b);
  const drawing = lineChart(
    { id: `sampling-${g}`, label: "", ...size },
    {
      x: epochAxis(points),
      y: { title: "draws per patch and epoch (log scale)", log2: true, min, max: Math.max(max, 2 * min), format: tick },
      curves,
      marks: [{ text: "", y: 1 }],
    },
  );
  return { title: label, drawing };
}
