import * as echarts from "echarts";
import { engineNames } from "../cases.js";
import type { CaseOutcomes, Peaks, SuiteResult } from "../run/suite.js";
import { milliseconds, shareOfPeak } from "./table.js";

/** Colours that stay apart for colour-blind readers (Okabe and Ito 2008), one per engine. */
const colours = ["#0072b2", "#d55e00", "#e69f00", "#009e73", "#56b4e9", "#cc79a7"];
const rowHeight = 14;

/** A bar, or the gap before the next case. */
type Row = { readonly label: string; readonly engine?: string; readonly percent?: number; readonly ms?: number };

/** The rates of all engines as shares of the adapter's measured peak, one group of bars per case, with the times beside them. */
export function chartSvg(suite: SuiteResult): string {
  const rows = suite.results.flatMap((result) => group(result, suite.peaks));
  const engines = engineNames.filter((name) => rows.some(({ engine }) => engine === name));
  const series = engines.map((engine) => ({
    name: engine,
    type: "bar" as const,
    // Each row has one bar: stacking gives it the whole row.
    stack: "rows",
    barWidth: rowHeight - 3,
    itemStyle: { color: colours[engineNames.indexOf(engine)] },
    label: { show: true, position: "right" as const, fontSize: 9 },
    data: rows.map((row) => {
      if (row.engine !== engine || row.ms === undefined) return null;
      return { value: row.percent, label: { formatter: `${milliseconds(row.ms)} ms` } };
    }),
  }));
  const height = 120 + rows.length * rowHeight;
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 900, height });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: { text: "Percent of the adapter's measured peak", subtext: subtitle(suite), left: 10, top: 5 },
    legend: { top: 48, left: 10 },
    grid: { left: 120, right: 80, top: 80, height: rows.length * rowHeight },
    xAxis: { type: "value", axisLabel: { formatter: "{value} %" } },
    yAxis: {
      type: "category",
      inverse: true,
      data: rows.map(({ label }) => label),
      axisTick: { show: false },
      axisLabel: { interval: 0 },
    },
    series,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** The case's name stands at its first bar. */
function group({ benchCase, outcomes }: CaseOutcomes, peaks: Peaks): Row[] {
  const bars = outcomes.flatMap(({ engine, record }) => {
    const share = record ? shareOfPeak(record, peaks) : null;
    return record && share !== null ? [{ engine, percent: 100 * share, ms: record.bestMs }] : [];
  });
  if (bars.length === 0) return [];
  return [...bars.map((bar, i) => ({ ...bar, label: i === 0 ? benchCase.name : "" })), { label: "" }];
}

function subtitle({ results, peaks }: SuiteResult): string {
  const record = results.flatMap(({ outcomes }) => outcomes).find((o) => o.engine === "equipoise" && o.record)?.record;
  const peak = peaks.gflops === null ? "" : `: ${peaks.gflops} GFLOP/s, ${peaks.gbps ?? "?"} GB/s`;
  return record ? `${record.adapter}${peak}; ${record.date.slice(0, 10)}; beside the bars: best time of a call` : "";
}
