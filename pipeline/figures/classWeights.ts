/** Figure 6: the share of each class among the labels given to U, over epochs, against the actual share. */
import { type Curve, lineChart, seriesStyle } from "../report/charts.js";
import { epochAxis } from "../report/curves.js";
import { percent } from "../report/format.js";
import { meanByEpoch, meanCurve } from "./byEpoch.js";
import type { FigureRun } from "./load.js";
import { type LegendEntry, sheet } from "./sheet.js";
import type { Draft, FigureContext, FigureGroup } from "./types.js";
import { bandText, groupsText, originText, sentences, shownGroups } from "./words.js";

const MOST_CLASSES = 8;
const SIZE = { width: 300, height: 210 };
/** Panels beside each other: four classes make a square. */
const columnsFor = (panels: number) => (panels <= 2 || panels === 4 ? 2 : 3);
const actualStyle = { color: "var(--ink)", dash: "dotted" as const, symbol: "circle" as const };

interface Actual {
  shares: number[];
  /** What the shares are of. */
  words: string;
}

export function classWeightFigure(context: FigureContext): Draft {
  const usable = ({ runs }: FigureGroup) => runs.some((run) => run.epochs.train.some((line) => line.pseudoCounts));
  const { shown, leftOut } = shownGroups(context, usable, 2);
  if (shown.length === 0) return "no run has pseudo-labels of an epoch (a method without them, or not that far yet)";
  const classes = shown[0]!.runs[0]!.classes;
  const runs = shown.flatMap((group) => group.runs);
  const actual = actualShares(runs, classes.length) ?? labelledShares(runs);
  const means = shown.map((group) => classes.map((_, c) => shareMeans(group, c)));
  const order = classes.map((_, c) => c).slice(0, classes.length);
  const far = (c: number) =>
    Math.max(...means.map((group) => Math.abs((group[c]?.at(-1)?.mean ?? 0) - (actual?.shares[c] ?? 0))));
  const drawn = [...order]
    .sort((a, b) => far(b) - far(a) || a - b)
    .slice(0, MOST_CLASSES)
    .sort((a, b) => a - b);
  const panels = drawn.map((c) => ({
    title: classes[c] ?? "",
    drawing: classChart(
      c,
      shown.map((_, g) => meanCurve("", seriesStyle(g), means[g]?.[c] ?? [], "sd", 0)),
      actual,
    ),
  }));
  const legend: LegendEntry[] = [
    ...shown.map(({ label }, g) => ({ text: label, style: seriesStyle(g) })),
    ...(actual ? [{ text: actual.words, style: actualStyle }] : []),
  ];
  return {
    drawing: sheet("Predicted and actual class weights over epochs", panels, {
      columns: columnsFor(panels.length),
      ...SIZE,
      legend,
    }),
    caption: sentences(
      "Share of each class among the labels that the teacher (in methods without one, the student) gives to one patch of every unlabelled image, at the start of each epoch.",
      actual ? `Dotted: ${actual.words}.` : "The actual shares are not known.",
      shown.length < 2 && "There is only one configuration with pseudo-labels to show.",
      drawn.length < classes.length &&
        `Of ${classes.length} classes, the ${MOST_CLASSES} whose share is furthest from the actual one in the last epoch.`,
      multiLabelText(runs),
      bandText(shown),
      groupsText(shown),
      leftOut,
      originText(runs),
    ),
  };
}

function classChart(c: number, curves: Curve[], actual: Actual | null) {
  const points = curves.flatMap((curve) => curve.points).sort(([a], [b]) => a - b);
  const level = actual?.shares[c];
  const highest = Math.max(
    level ?? 0,
    ...curves.flatMap((curve) => [
      ...curve.points.map(([, y]) => y ?? 0),
      ...(curve.band ?? []).map(({ high }) => high),
    ]),
  );
  const ends = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 1] as const;
  const reference: Curve[] =
    level === undefined
      ? []
      : [
          {
            name: "",
            ...actualStyle,
            points: [
              [ends[0], level],
              [Math.max(ends[1], ends[0] + 1), level],
            ],
          },
        ];
  return lineChart(
    { id: `weights-${c}`, label: "", ...SIZE },
    {
      x: epochAxis(points),
      // A round number above a share near 1 would be 120 %.
      y: { title: "share of labels", min: 0, ...(highest > 0.8 && { max: 1 }), format: (v) => percent(v, 0) },
      curves: [...reference, ...curves],
    },
  );
}

function shareMeans({ runs }: FigureGroup, c: number) {
  return meanByEpoch(
    runs.map((run) => run.epochs.train),
    ({ pseudoCounts }) => {
      const total = pseudoCounts?.reduce((a, b) => a + b, 0) ?? 0;
      return pseudoCounts && total > 0 ? (pseudoCounts[c] ?? 0) / total : null;
    },
  );
}

/** Shares in U, from a run that knows them: with multi-label images among U the counts of another run, or of its own log. */
function actualShares(runs: readonly FigureRun[], classes: number): Actual | null {
  const counts =
    runs.map(({ dataset }) => dataset?.counts.U).find((found) => found) ??
    runs.flatMap(({ epochs }) => epochs.train.map((line) => line.pseudoTrueCounts)).find((found) => found);
  if (!counts || counts.length !== classes) return null;
  return { shares: sharesOf(counts), words: "actual share in the unlabelled part" };
}

function labelledShares(runs: readonly FigureRun[]): Actual | null {
  const counts = runs.map(({ dataset }) => dataset?.counts.L).find((found) => found);
  return counts ? { shares: sharesOf(counts), words: "share in the labelled part (of U it is not known)" } : null;
}

function sharesOf(counts: readonly number[]): number[] {
  const total = counts.reduce((a, b) => a + b, 0) || 1;
  return counts.map((n) => n / total);
}

function multiLabelText(runs: readonly FigureRun[]): string | false {
  const some = runs.some(({ dataset, config }) => (dataset?.multiLabel ?? 0) > 0 && usesMultiLabel(config));
  return some && "Multi-label images are labelled too where the configuration takes them, and have no actual class.";
}

function usesMultiLabel({ data }: FigureRun["config"]): boolean {
  return (data as Record<string, unknown>).useMultiLabel === true;
}
