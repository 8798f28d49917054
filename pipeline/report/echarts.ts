/**
 * The part of ECharts that is drawn with, and no more: a page loads it. What is not registered here would be left out of a chart without a
 * word, so options of it do not compile.
 */
import type * as echarts from "echarts";
import { BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import {
  AriaComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  VisualMapComponent,
} from "echarts/components";
import { use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { SVGRenderer } from "echarts/renderers";

use([BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart]);
// Aria draws the patterns of bars, too.
use([AriaComponent, GridComponent, LegendComponent, MarkLineComponent, VisualMapComponent, LabelLayout, SVGRenderer]);

export { init } from "echarts/core";

type Series =
  | echarts.BarSeriesOption
  | echarts.CustomSeriesOption
  | echarts.HeatmapSeriesOption
  | echarts.LineSeriesOption
  | echarts.ScatterSeriesOption;

/** What a chart is made of. */
export type ChartOption = { series: Series[] } & Pick<
  echarts.EChartsOption,
  "animation" | "aria" | "color" | "grid" | "legend" | "textStyle" | "visualMap" | "xAxis" | "yAxis"
>;
