import type * as echarts from "echarts";
import type { ProfileRow } from "../../engine/profile/index.js";
import { axis, draw, ink, muted, seriesStyle } from "../report/charts.js";
import type { Html } from "../report/html.js";
import type { ProfileDocument } from "./document.js";

/** Kinds of kernels, by the beginning of their names. */
const kinds: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["convolution, forward", /^conv2d_(first_)?forward/],
  ["its input gradient", /^conv2d_(first_)?backward_input/],
  ["its weight gradient", /^conv2d_(first_)?backward_weight/],
  ["matrix product", /^gemm/],
  ["other", /./],
];

/** Points that are numbered, as the table's rows are. */
const numbered = 12;
/** Rows that take less of the step are no points: there can be hundreds. */
const leastShare = 0.0005;

/**
 * Rows by arithmetic intensity and rate, both logarithmic, under the roof that the microbenchmarks measured. The area of a point is
 * its share of the step's time. Rows without counted operations, and such that take next to no time, are left out; null if there are none with.
 */
export function rooflineChart({ roofline, rows }: ProfileDocument): Html | null {
  const points = rows.flatMap((row, i) =>
    row.intensity !== null && row.gflops !== null && row.intensity > 0 && row.gflops > 0 && row.share >= leastShare
      ? [{ row, number: i + 1, x: row.intensity, y: row.gflops }]
      : [],
  );
  if (points.length === 0) return null;
  const ridge = roofline.gflops / roofline.gbps;
  const xMin = decade(Math.min(ridge, ...points.map(({ x }) => x)), Math.floor);
  const xMax = decade(Math.max(ridge * 2, ...points.map(({ x }) => x)), Math.ceil);
  const yMin = decade(Math.min(...points.map(({ y }) => y)), Math.floor);
  const yMax = decade(roofline.gflops, Math.ceil);
  const start = Math.max(xMin, yMin / roofline.gbps);
  const used = kinds.filter(([name]) => points.some(({ row }) => kindOf(row) === name));
  const size = ({ share }: ProfileRow) => Math.max(5, 70 * Math.sqrt(Math.max(0, share)));
  return draw(
    { id: "roofline", label: "Roofline: rate of each kernel by its arithmetic intensity", width: 900, height: 470 },
    {
      legend: { top: 0, data: used.map(([name]) => name), textStyle: { color: ink, fontSize: 12 } },
      grid: { left: 8, right: 20, top: 46, bottom: 30, outerBoundsMode: "same" },
      xAxis: logAxis("operations per byte", "x", xMin, xMax),
      yAxis: logAxis("GFLOP/s", "y", yMin, yMax),
      series: [
        {
          type: "line",
          data: [
            [start, start * roofline.gbps],
            [ridge, roofline.gflops],
            [xMax, roofline.gflops],
          ],
          showSymbol: false,
          silent: true,
          lineStyle: { color: ink, width: 2 },
          z: 1,
        },
        roofLabel(
          Math.sqrt(start * ridge),
          roofline.gbps * Math.sqrt(start * ridge),
          `copy ${roofline.gbps.toFixed(1)} GB/s`,
          "left",
        ),
        roofLabel(
          Math.sqrt(ridge * xMax),
          roofline.gflops,
          `multiply-add ${roofline.gflops.toFixed(0)} GFLOP/s`,
          "top",
        ),
        ...used.map(([name], i) => ({
          type: "scatter" as const,
          name,
          data: points
            .filter(({ row }) => kindOf(row) === name)
            .map(({ row, number, x, y }) => ({
              value: [x, y],
              symbolSize: size(row),
              label: { show: number <= numbered, formatter: String(number) },
            })),
          symbol: "circle",
          itemStyle: { color: seriesStyle(i).color, opacity: 0.72, borderColor: "var(--paper)", borderWidth: 1 },
          label: { color: ink, fontSize: 12, fontWeight: 600 as const, position: "top" as const, distance: 2 },
          labelLayout: { hideOverlap: true },
          silent: true,
          z: 3,
        })),
      ],
    },
  );
}

function kindOf({ kernel }: ProfileRow): string {
  return kinds.find(([, pattern]) => pattern.test(kernel))?.[0] ?? "other";
}

function decade(value: number, round: (x: number) => number): number {
  return 10 ** round(Math.log10(value));
}

type Axis = echarts.XAXisComponentOption & echarts.YAXisComponentOption;

function logAxis(title: string, side: "x" | "y", min: number, max: number): Axis {
  const format = (value: number) => String(Number(value.toPrecision(3)));
  return { ...axis({ title, format }, side), type: "log", logBase: 10, min, max } as Axis;
}

function roofLabel(x: number, y: number, text: string, position: "left" | "top") {
  return {
    type: "scatter" as const,
    data: [[x, y]],
    symbolSize: 0.1,
    silent: true,
    label: { show: true, formatter: text, position, color: muted, fontSize: 12 },
    z: 2,
  };
}
