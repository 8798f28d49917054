/** A {@link ResultTable} as Markdown, LaTeX or CSV. */
import { csvLine } from "../data/csv.js";
import { type Cell, type CorrectedTest, metricTitles, type ResultTable, type TestedPair } from "./table.js";

export const tableFormats = ["markdown", "latex", "csv"] as const;
export type TableFormat = (typeof tableFormats)[number];

/** The format that a file's name asks for: `.md`, `.tex`, `.csv`; null for any other. */
export function formatOf(file: string): TableFormat | null {
  const ending = /\.(\w+)$/.exec(file)?.[1]?.toLowerCase() ?? "";
  return ({ md: "markdown", tex: "latex", csv: "csv" } as Record<string, TableFormat>)[ending] ?? null;
}

export function formatResultTable(table: ResultTable, format: TableFormat): string {
  return { markdown, latex, csv }[format](table);
}

const testNames = [
  ["student", "Student"],
  ["paired", "paired t"],
  ["wilcoxon", "Wilcoxon"],
] as const;

const comparisonHead = (table: ResultTable) => [
  "configuration",
  "compared with",
  `difference in ${metricTitles[table.tests.metric]}`,
  "pairs",
  ...testNames.flatMap(([, name]) => [`${name} p`, "Holm"]),
];

function comparisonRow({ a, b, difference, pairs, ...tests }: TestedPair): string[] {
  const shown = testNames.flatMap(([key]) => [pText(tests[key].p), pText(tests[key].corrected)]);
  return [a, b, difference === null ? "-" : signed(difference), String(pairs), ...shown];
}

function markdown(table: ResultTable): string {
  const parts = table.tables.map(({ title, columns, rows }) => {
    const body = rows.map((row) => [row.configuration, String(row.runs), ...row.cells.map((c) => bold(c, "**", "**"))]);
    return `### ${title}\n\n${pipes([["configuration", "runs", ...columns], ...body])}`;
  });
  if (table.tests.comparisons.length > 0) {
    const rows = [comparisonHead(table), ...table.tests.comparisons.map(comparisonRow)];
    parts.push(`### Tests\n\n${pipes(rows)}`, ...reasons(table).map((line) => `- ${line}`));
  }
  return `${[...parts, ...table.notes].join("\n\n")}\n`;
}

/** A Markdown table whose columns also line up as plain text. */
function pipes(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map((text) => text.replaceAll("|", "\\|")));
  const widths = (clean[0] ?? []).map((_, c) => Math.max(3, ...clean.map((row) => row[c]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, c) => (c === 0 ? text.padEnd(widths[c] ?? 0) : text.padStart(widths[c] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, c) => (c === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  const [head = [], ...body] = clean;
  return [line(head), rule, ...body.map(line)].join("\n");
}

function latex(table: ResultTable): string {
  const parts = table.tables.map(({ title, columns, rows }) => {
    const body = rows.map((row) => [
      escapeLatex(row.configuration),
      String(row.runs),
      ...row.cells.map((c) => bold(c, "\\textbf{", "}")),
    ]);
    return tabular(title, [["configuration", "runs", ...columns].map(escapeLatex), ...body], 1);
  });
  if (table.tests.comparisons.length > 0) {
    const rows = [comparisonHead(table), ...table.tests.comparisons.map(comparisonRow)];
    parts.push(
      tabular(
        "Tests",
        rows.map((row) => row.map(escapeLatex)),
        2,
      ),
    );
  }
  const notes = [...reasons(table), ...table.notes].map((note) => `% ${note}`);
  return `% Needs \\usepackage{booktabs}\n${[...parts, notes.join("\n")].join("\n\n")}\n`;
}

/** @param left columns set to the left; the others are set to the right */
function tabular(title: string, rows: readonly (readonly string[])[], left: number): string {
  const line = (row: readonly string[]) => `  ${row.join(" & ")} \\\\`;
  const [head = [], ...body] = rows;
  const columns = "l".repeat(left) + "r".repeat(head.length - left);
  return [
    "\\begin{table}",
    "  \\centering",
    `  \\caption{${escapeLatex(title)}}`,
    `  \\begin{tabular}{${columns}}`,
    "  \\toprule",
    line(head),
    "  \\midrule",
    ...body.map(line),
    "  \\bottomrule",
    "  \\end{tabular}",
    "\\end{table}",
  ].join("\n");
}

const latexMarks: Record<string, string> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
};

function escapeLatex(text: string): string {
  return text.replace(/[\\~^<>&%$#_{}]/g, (mark) => latexMarks[mark] ?? `\\${mark}`);
}

/** One line per configuration, figure and class; then, with other columns empty, one per comparison and test. */
function csv(table: ResultTable): string {
  const head = ["kind", "configuration", "compared_with", "metric", "class", "runs", "n", "mean", "std", "best"];
  const tests = ["test", "statistic", "df", "p", "p_holm", "reason"];
  const figures = table.tables.flatMap(({ metric, columns, rows }) =>
    rows.flatMap(({ configuration, runs, cells }) =>
      cells.map(({ mean, std, n, best }, c) => {
        const [name, of] = metric === "overall" ? [columns[c] ?? "", "all"] : [metric, columns[c] ?? ""];
        return [
          "figure",
          configuration,
          "",
          name,
          of,
          runs,
          n,
          number(mean),
          number(std),
          best ? 1 : 0,
          ...tests.map(() => ""),
        ];
      }),
    ),
  );
  const compared = table.tests.comparisons.flatMap((one) =>
    testNames.map(([key]) => {
      const test = one[key];
      const outcome =
        test.p === null
          ? ["", "", "", "", test.reason]
          : [number(test.statistic), number(test.degreesOfFreedom), number(test.p), number(test.corrected), ""];
      const n = test.p === null ? "" : test.n;
      const name = metricTitles[table.tests.metric];
      return ["test", one.a, one.b, name, "all", "", n, number(one.difference), "", "", key, ...outcome];
    }),
  );
  return [[...head, ...tests], ...figures, ...compared].map((row) => `${csvLine(row)}\r\n`).join("");
}

/** `0.7312 (0.0120)`; best means between marks. */
function bold({ mean, std, best }: Cell, open: string, close: string): string {
  if (mean === null) return "-";
  const text = std === null ? mean.toFixed(4) : `${mean.toFixed(4)} (${std.toFixed(4)})`;
  return best ? `${open}${text}${close}` : text;
}

/** Why tests were not made, each reason once. */
function reasons({ tests }: ResultTable): string[] {
  const lines = tests.comparisons.flatMap(({ a, b, ...rest }) =>
    testNames.flatMap(([key, name]) => {
      const test: CorrectedTest = rest[key];
      return test.p === null ? [`${a} and ${b}, ${name}: no p-value, ${test.reason}.`] : [];
    }),
  );
  return [...new Set(lines)];
}

function pText(p: number | null): string {
  if (p === null) return "-";
  return p < 1e-4 ? "< 0.0001" : p.toFixed(4);
}

function signed(value: number): string {
  return `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(4)}`;
}

function number(value: number | null): string {
  return value === null ? "" : String(Number(value.toPrecision(9)));
}
