import * as echarts from "echarts";
import { engineNames } from "../cases.js";
import type { SuiteResult } from "../run/suite.js";
import { milliseconds, shareOfPeak } from "./table.js";

/** Colours that stay apart for colour-blind readers (Okabe and Ito 2008), one per engine. */
const colours = ["#0072b2", "#d55e00", "#e69f00", "#009e73", "#56b4e9"];
const barHeight = 12;

/** The rates of all engines as shares of the adapter's measured peak, one group of bars per case, with the times beside them. */
export function chartSvg(suite: SuiteResult): string {
  const groups = suite.results.flatMap(({ benchCase, outcomes }) => {
    const shares = outcomes.flatMap(({ engine, record }) => {
      const share = record ? shareOfPeak(record, suite.peaks) : null;
      return record && share !== null ? [{ engine, percent: 100 * share, ms: record.bestMs }] : [];
    });
    return shares.length > 0 ? [{ name: benchCase.name, shares }] : [];
  });
  const engines = engineNames.filter((name) => groups.some(({ shares }) => shares.some((s) => s.engine === name)));
  const height = 110 + groups.length * (engines.length * barHeight + 14);
  const series = engines.map((engine) => ({
    name: engine,
    type: "bar" as const,
    barGap: "10%",
    itemStyle: { color: colours[engineNames.indexOf(engine)] },
    label: { show: true, position: "right" as const, fontSize: 9 },
    data: groups.map(({ shares }) => {
      const found = shares.find((s) => s.engine === engine);
      if (!found) return { value: 0, label: { show: false } };
      return { value: found.percent, label: { show: true, formatter: `${milliseconds(found.ms)} ms` } };
    }),
  }));
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 900, height });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: { text: "Percent of the adapter's measured peak", subtext: subtitle(suite), left: 10, top: 5 },
    legend: { top: 48, left: 10 },
    grid: { left: 120, right: 80, top: 80, bottom: 30 },
    xAxis: { type: "value", axisLabel: { formatter: "{value} %" } },
    yAxis: { type: "category", inverse: true, data: groups.map(({ name }) => name) },
    series,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function subtitle({ results, peaks }: SuiteResult): string {
  const record = results.flatMap(({ outcomes }) => outcomes).find((o) => o.engine === "equipoise" && o.record)?.record;
  const peak = peaks.gflops === null ? "" : `: ${peaks.gflops} GFLOP/s, ${peaks.gbps ?? "?"} GB/s`;
  return record ? `${record.adapter}${peak}; ${record.date.slice(0, 10)}; beside the bars: best time of a call` : "";
}
