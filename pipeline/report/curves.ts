/** Line charts of a run by step and by epoch. Each is null where its values were not recorded. */
import {
  type AxisOptions,
  type Curve,
  lineChart,
  type Mark,
  type Point,
  type SeriesStyle,
  seriesStyle,
} from "./charts.js";
import { percent, tick } from "./format.js";
import type { Html } from "./html.js";
import type { EpochLine, PhaseMetrics } from "./metricsFile.js";
import type { Series } from "./series.js";

const SMALL = { width: 360, height: 220 };

/** Loss curves by step (Fig. 2 of the paper): faint as recorded, strong smoothed. */
export function lossCurves(
  id: string,
  phase: PhaseMetrics,
  lines: readonly { key: string; name: string; look: SeriesStyle }[],
): Html | null {
  const curves = lines.flatMap(({ key, name, look }) => stepCurve(phase.steps.get(key), { name, ...look }));
  if (curves.length === 0) return null;
  return lineChart(
    { id, label: `Loss of ${curves.map((c) => c.name).join(" and ")} by training step` },
    {
      x: stepAxis(curves),
      y: { title: "loss (nats)", ...range(curves), format: tick },
      curves,
    },
  );
}

/** A small chart: its value axis, a line at 0 (`zero`), values that are set and not measured (`exact`: no smoothing). */
export interface SmallChart extends AxisOptions {
  zero?: boolean;
  exact?: boolean;
}

/** One quantity, or a few of a kind, by step. */
export function smallStepChart(
  id: string,
  phase: PhaseMetrics,
  lines: readonly { key: string; name: string; style: number }[],
  { zero, exact, ...y }: SmallChart,
): Html | null {
  const curves = lines.flatMap(({ key, name, style }) =>
    stepCurve(phase.steps.get(key), { name: lines.length > 1 ? name : "", ...seriesStyle(style) }, exact),
  );
  if (curves.length === 0) return null;
  return lineChart(
    { id, label: `${y.title} by training step`, ...SMALL },
    {
      x: stepAxis(curves),
      y: { format: tick, ...(y.max === undefined && range(curves)), ...y },
      curves,
      marks: zero ? [{ text: "", y: 0 }] : [],
    },
  );
}

/** Cross-entropy on the validation part by epoch, small. */
export function validationLoss(id: string, epochs: readonly EpochLine[]): Html | null {
  const points = epochs.flatMap((e): Point[] => (e.validationLoss === null ? [] : [[e.epoch, e.validationLoss]]));
  if (points.length === 0) return null;
  const curve: Curve = { name: "", ...seriesStyle(0), points, marked: points.length <= 40 };
  return lineChart(
    { id, label: "Loss on the validation part by epoch", ...SMALL },
    { x: epochAxis(points), y: { title: "loss (nats)", ...range([curve]), format: tick }, curves: [curve] },
  );
}

/** The epoch whose student is tested, or would be if the run ended now. */
export interface Best {
  epoch: number;
  word: "chosen" | "best so far";
}

/** Balanced accuracy on the validation part by epoch, with its uncertainty and the chosen epoch. */
export function validationCurve(
  id: string,
  epochs: readonly EpochLine[],
  options: { name: string; best: Best | null; chance: number | null; style: SeriesStyle },
): Html | null {
  const known = epochs.filter((e) => e.balancedAccuracy !== null);
  if (known.length === 0) return null;
  const band = known.flatMap(({ epoch, interval }) =>
    interval ? [{ x: epoch, low: interval[0], high: interval[1] }] : [],
  );
  const points: Point[] = known.map((e) => [e.epoch, e.balancedAccuracy]);
  const curve: Curve = { ...options.style, name: options.name, points, band, marked: known.length <= 40 };
  const marks: Mark[] =
    options.chance === null ? [] : [{ text: `chance ${percent(options.chance)}`, y: options.chance }];
  const best = known.find((e) => e.epoch === options.best?.epoch);
  if (best) {
    const at = (best.epoch - known[0]!.epoch) / Math.max(1, known.at(-1)!.epoch - known[0]!.epoch);
    const align = at < 0.3 ? "left" : at > 0.7 ? "right" : "center";
    marks.push({
      text: `${options.best!.word}: epoch ${best.epoch}, ${percent(best.balancedAccuracy)}`,
      x: best.epoch,
      y: best.balancedAccuracy!,
      align,
    });
  }
  return lineChart(
    { id, label: `Balanced accuracy of the ${options.name} on the validation part by epoch` },
    {
      x: epochAxis(points),
      y: { title: "balanced accuracy, validation part", min: 0, max: 1, format: (v) => percent(v, 0) },
      curves: [curve],
      marks,
    },
  );
}

function stepAxis(curves: readonly Curve[]): AxisOptions {
  const [first, last] = [Math.min, Math.max].map((pick) => pick(...curves.flatMap((c) => c.points.map(([x]) => x))));
  return { title: "training step", whole: true, format: tick, min: first! > 0.1 * last! ? Math.floor(first!) : 0 };
}

/** An axis from the first epoch to the last, never of length 0. */
export function epochAxis(points: readonly Point[]): AxisOptions {
  const [first, last] = [points[0]![0], points.at(-1)![0]];
  return { title: "epoch", whole: true, min: first, max: Math.max(last, first + 1) };
}

function stepCurve(series: Series | undefined, look: Omit<Curve, "points">, exact = false): Curve[] {
  if (!series || series.empty) return [];
  if (exact) return [{ ...look, points: series.buckets.map((b): Point => [b.x, b.mean]) }];
  const raw = series.buckets.flatMap((b, i): Point[] => {
    if (b.n === 1) return [[b.x, b.mean]];
    return i % 2 === 0
      ? [
          [b.x, b.low],
          [b.x, b.high],
        ]
      : [
          [b.x, b.high],
          [b.x, b.low],
        ];
  });
  return [{ ...look, points: series.smoothed().map(({ x, y }): Point => [x, y]), raw }];
}

/** Limits of an axis that hold the smoothed curves and nearly all recorded values; single spikes may leave the chart. */
function range(curves: readonly Curve[]): { min: number; max: number; interval: number } {
  const smooth = values(curves.map((curve) => curve.points));
  const raw = values(curves.map((curve) => curve.raw ?? curve.points)).sort((a, b) => a - b);
  const at = (share: number): number => raw[Math.round(share * (raw.length - 1))]!;
  const low = Math.min(...smooth, at(0.01));
  const high = Math.max(...smooth, at(0.99));
  const from = low >= 0 && low < high / 2 ? 0 : low;
  const step = niceStep((high - from || Math.abs(high) || 1) / 5);
  const [min, max] = [Math.floor(from / step), Math.ceil(high / step)].map((n) => Number((n * step).toPrecision(12)));
  return { min: min!, max: max! > min! ? max! : min! + step, interval: step };
}

/** The next of 1, 2, 5, 10 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= least * 0.999)!;
}

function values(lists: readonly (readonly Point[])[]): number[] {
  return lists.flatMap((points) => points.flatMap(([, y]) => (y === null ? [] : [y])));
}
