/** Figure 2: losses over epochs, mean and band over the runs of each configuration. */
import { type Curve, lineChart, type SeriesStyle, seriesStyle, student, teacher } from "../report/charts.js";
import { epochAxis } from "../report/curves.js";
import { tick } from "../report/format.js";
import type { EpochLine, Phase } from "../report/metricsFile.js";
import { meanByEpoch, meanCurve } from "./byEpoch.js";
import { type LegendEntry, type Panel, sheet } from "./sheet.js";
import type { Draft, FigureContext, FigureGroup } from "./types.js";
import { bandText, groupsText, originText, sentences, shownGroups } from "./words.js";

const MOST = 6;
const SIZE = { width: 430, height: 230 };

/** A kind of loss and the phase it is from. */
interface Loss {
  name: string;
  phase: Phase;
  value: (line: EpochLine) => number | null;
  style: SeriesStyle;
}

const before: Loss[] = [
  { name: "contrastive", phase: "contrastive", value: (line) => line.loss, style: seriesStyle(2) },
  { name: "pre-training", phase: "pretrain", value: (line) => line.loss, style: seriesStyle(3) },
];
const during: Loss[] = [
  { name: "teacher", phase: "train", value: (line) => line.teacherLoss, style: teacher },
  { name: "student", phase: "train", value: (line) => line.loss, style: student },
];

export function lossFigure(context: FigureContext): Draft {
  const usable = (group: FigureGroup) => [...before, ...during].some((loss) => lossMeans(group, loss).length > 0);
  const { shown, leftOut } = shownGroups(context, usable, MOST);
  if (shown.length === 0) return "no run has finished an epoch yet";
  const panels = shown.map((group, g) => [
    panel(`p${g}`, group, has(group, "train") ? "pre-training" : "training", before),
    panel(`t${g}`, group, lossMeans(group, during[0] as Loss).length > 0 ? "teacher and student" : "student", during),
  ]);
  const full = (pair: (Panel | null)[]) => pair.every((one) => one !== null);
  const placed = [...panels.filter(full), ...panels.filter((pair) => !full(pair))].flat().filter((one) => one !== null);
  const runs = shown.flatMap((group) => group.runs);
  return {
    drawing: sheet("Losses over epochs", placed, { columns: 2, ...SIZE, legend: legendOf(shown) }),
    caption: sentences(
      "Mean loss of each epoch.",
      "Pre-training: cross-entropy on labelled images (of the teacher where there is one, else of the network that is tested). Student: cross-entropy with its pseudo-labels and what the recipe adds. Teacher: labelled, consistency and feedback loss together.",
      bandText(shown),
      groupsText(shown),
      "Fine-tuning is not shown.",
      leftOut,
      originText(runs),
    ),
  };
}

function has({ runs }: FigureGroup, phase: Phase): boolean {
  return runs.some((run) => run.epochs[phase].length > 0);
}

function lossMeans({ runs }: FigureGroup, { phase, value }: Loss) {
  return meanByEpoch(
    runs.map((run) => run.epochs[phase]),
    value,
  );
}

function legendOf(shown: readonly FigureGroup[]): LegendEntry[] {
  return [...before, ...during]
    .filter((loss) => shown.some((group) => lossMeans(group, loss).length > 0))
    .map(({ name, style }) => ({ text: `${name} loss`, style }));
}

function panel(id: string, group: FigureGroup, what: string, losses: readonly Loss[]): Panel | null {
  const curves = losses
    .map((loss) => ({ loss, means: lossMeans(group, loss) }))
    .filter(({ means }) => means.length > 0)
    .map(({ loss, means }): Curve => meanCurve("", loss.style, means, "sd", 0));
  if (curves.length === 0) return null;
  const points = curves.flatMap((curve) => curve.points).sort(([a], [b]) => a - b);
  const drawing = lineChart(
    { id: `loss-${id}`, label: "", ...SIZE },
    { x: epochAxis(points), y: { title: "loss (nats)", min: 0, format: tick }, curves },
  );
  return { title: `${group.label}: ${what}`, drawing };
}
