import { csvLine } from "../data/csv.js";
import { testNames } from "./comparisons.js";
import { metricTitle } from "./entries.js";
import type { ResultTable } from "./table.js";

const columns = [
  ...["kind", "configuration", "compared_with", "metric", "class", "runs", "n", "mean", "std", "best"],
  ...["low", "high", "test", "statistic", "df", "p", "p_holm", "reason"],
] as const;
type Line = Partial<Record<(typeof columns)[number], string | number>>;

/**
 * One line per configuration, figure and class (`kind` figure), per share of a gap (gap; `mean` is the share, `low` and `high`
 * its interval), and per comparison and test (test; `mean` is the difference). Columns that do not apply are empty.
 */
export function csv(table: ResultTable): string {
  const lines = [...figureLines(table), ...gapLines(table), ...testLines(table)];
  const rows = lines.map((line) => columns.map((name) => line[name] ?? ""));
  return [[...columns], ...rows].map((row) => `${csvLine(row)}\r\n`).join("");
}

function figureLines({ tables }: ResultTable): Line[] {
  return tables.flatMap(({ metric, columns: names, rows }) =>
    rows.flatMap(({ configuration, runs, cells }) =>
      cells.map(({ mean, std, n, best }, c): Line => {
        const [name, of] = metric === "overall" ? [names[c] ?? "", "all"] : [metric, names[c] ?? ""];
        const figures = { runs, n, mean: number(mean), std: number(std), best: best ? 1 : 0 };
        return { kind: "figure", configuration, metric: name, class: of, ...figures };
      }),
    ),
  );
}

function gapLines({ gap }: ResultTable): Line[] {
  if (!gap) return [];
  return gap.rows.map(({ configuration, metric, n, share, interval, reason }) => ({
    kind: "gap",
    configuration,
    compared_with: `${gap.lower} to ${gap.upper}`,
    metric: metricTitle(metric),
    class: "all",
    n,
    mean: number(share),
    low: number(interval?.[0] ?? null),
    high: number(interval?.[1] ?? null),
    reason: reason ?? "",
  }));
}

function testLines({ tests }: ResultTable): Line[] {
  return tests.comparisons.flatMap((one) =>
    testNames.map((key): Line => {
      const test = one[key];
      const outcome: Line =
        test.p === null
          ? { reason: test.reason }
          : {
              n: test.n,
              statistic: number(test.statistic),
              df: number(test.degreesOfFreedom),
              p: number(test.p),
              p_holm: number(test.corrected),
            };
      const names = { configuration: one.a, compared_with: one.b, metric: metricTitle(one.metric), class: "all" };
      return { kind: "test", ...names, mean: number(one.difference), test: key, ...outcome };
    }),
  );
}

function number(value: number | null): string {
  return value === null ? "" : String(Number(value.toPrecision(9)));
}
