/** A {@link ResultTable} as Markdown, LaTeX or CSV. */
import { percent } from "../format.js";
import type { ClosedGap, CorrectedTest, TestedPair } from "./comparisons.js";
import { metricTitle } from "./entries.js";
import { csv } from "./formatCsv.js";
import type { Cell, ResultTable } from "./table.js";

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

/** A table as texts: its head and rows; how many columns hold words. */
export interface TextTable {
  title: string;
  head: string[];
  rows: string[][];
  words: number;
}

const testTitles = [
  ["student", "Student"],
  ["paired", "paired t"],
  ["wilcoxon", "Wilcoxon"],
] as const;

/**
 * Every table as texts. @param mark how the best of a column is written
 */
export function textTables(table: ResultTable, mark: (text: string) => string): TextTable[] {
  const figures = table.tables.map(({ title, columns, rows }) => ({
    title,
    head: ["configuration", "runs", ...columns],
    rows: rows.map((row) => [row.configuration, String(row.runs), ...row.cells.map((cell) => cellText(cell, mark))]),
    words: 1,
  }));
  const { comparisons } = table.tests;
  const tests = ["configuration", "compared with", "metric", "difference", "pairs"];
  return [
    ...figures,
    ...(table.gap ? [gapTable(table.gap)] : []),
    ...(comparisons.length === 0
      ? []
      : [
          {
            title: "Tests",
            head: [...tests, ...testTitles.flatMap(([, name]) => [`${name} p`, "Holm"])],
            rows: comparisons.map(comparisonRow),
            words: 3,
          },
        ]),
  ];
}

function gapTable({ lower, upper, rows }: NonNullable<ResultTable["gap"]>): TextTable {
  return {
    title: `Share of the gap from ${lower} to ${upper} that is closed`,
    head: ["configuration", "metric", "pairs", "share", "95 % interval"],
    rows: rows.map((row) => [row.configuration, metricTitle(row.metric), String(row.n), ...gapText(row)]),
    words: 2,
  };
}

/** Share and interval in per cent. */
export function gapText({ share, interval }: ClosedGap): [share: string, interval: string] {
  const whole = (value: number) => percent(value, { digits: 0 }).replace(/^-0 /, "0 ");
  return [
    share === null ? "-" : whole(share),
    interval === null ? "-" : `${whole(interval[0])} to ${whole(interval[1])}`,
  ];
}

function comparisonRow({ a, b, metric, difference, pairs, ...tests }: TestedPair): string[] {
  const shown = testTitles.flatMap(([key]) => [pText(tests[key].p), pText(tests[key].corrected)]);
  return [a, b, metricTitle(metric), difference === null ? "-" : signed(difference), String(pairs), ...shown];
}

function markdown(table: ResultTable): string {
  const parts = textTables(table, (text) => `**${text}**`).map(
    ({ title, head, rows, words }) => `### ${title}\n\n${pipes([head, ...rows], words)}`,
  );
  const why = reasons(table).map((line) => `- ${line}`);
  return `${[...parts, ...(why.length > 0 ? [why.join("\n")] : []), ...table.notes].join("\n\n")}\n`;
}

/** A Markdown table whose columns also line up as plain text. */
function pipes(rows: readonly (readonly string[])[], words: number): string {
  const clean = rows.map((row) => row.map((text) => text.replaceAll("|", "\\|")));
  const widths = (clean[0] ?? []).map((_, c) => Math.max(3, ...clean.map((row) => row[c]?.length ?? 0)));
  const pad = (text: string, c: number) => (c < words ? text.padEnd(widths[c] ?? 0) : text.padStart(widths[c] ?? 0));
  const line = (row: readonly string[]) => `| ${row.map(pad).join(" | ")} |`;
  const rule = `|${widths.map((width, c) => (c < words ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  const [head = [], ...body] = clean;
  return [line(head), rule, ...body.map(line)].join("\n");
}

function latex(table: ResultTable): string {
  const bold = (text: string) => `\\textbf{${text}}`;
  const parts = textTables(table, bold).map(tabular);
  const notes = [...reasons(table), ...table.notes].map((note) => `% ${note}`);
  return `% Needs \\usepackage{booktabs}\n${[...parts, notes.join("\n")].join("\n\n")}\n`;
}

function tabular({ title, head, rows, words }: TextTable): string {
  const line = (row: readonly string[]) => `  ${row.map(escapeCell).join(" & ")} \\\\`;
  return [
    "\\begin{table}",
    "  \\centering",
    `  \\caption{${escapeLatex(title)}}`,
    `  \\begin{tabular}{${"l".repeat(words)}${"r".repeat(head.length - words)}}`,
    "  \\toprule",
    line(head),
    "  \\midrule",
    ...rows.map(line),
    "  \\bottomrule",
    "  \\end{tabular}",
    "\\end{table}",
  ].join("\n");
}

/** A bold figure holds digits alone. */
function escapeCell(text: string): string {
  return /^\\textbf\{[\d.() -]+\}$/.test(text) ? text : escapeLatex(text);
}

const latexMarks: Record<string, string> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
};

function escapeLatex(text: string): string {
  const quoted = text.replace(/"([^"]*)"/g, "``$1''");
  return quoted.replace(/[\\~^<>&%$#_{}]/g, (mark) => latexMarks[mark] ?? `\\${mark}`);
}

/** `0.7312 (0.0120)`; the best marked. */
function cellText({ mean, std, best }: Cell, mark: (text: string) => string): string {
  if (mean === null) return "-";
  const text = std === null ? mean.toFixed(4) : `${mean.toFixed(4)} (${std.toFixed(4)})`;
  return best ? mark(text) : text;
}

/** Up to this many comparisons that lack a test for one and the same reason are named one by one. */
const NAMED = 5;

/** Why there is no test or interval, each reason once. */
export function reasons({ tests, gap }: ResultTable): string[] {
  const lines = testTitles.flatMap(([key, name]) => {
    const without = tests.comparisons.flatMap(({ a, b, ...rest }) => {
      const test: CorrectedTest = rest[key];
      return test.p === null ? [{ pair: `${a} and ${b}`, why: `${name}: no p-value, ${test.reason}.` }] : [];
    });
    return [...new Set(without.map(({ why }) => why))].flatMap((why) => {
      const pairs = new Set(without.filter((one) => one.why === why).map(({ pair }) => pair));
      return pairs.size > NAMED ? [`${pairs.size} comparisons, ${why}`] : [...pairs].map((pair) => `${pair}, ${why}`);
    });
  });
  const unbounded = (gap?.rows ?? []).flatMap(({ configuration, metric, reason }) =>
    reason === null ? [] : [`${configuration}, ${metricTitle(metric)}: no interval of the share, ${reason}.`],
  );
  return [...unbounded, ...lines];
}

function pText(p: number | null): string {
  if (p === null) return "-";
  return p < 1e-4 ? "< 0.0001" : p.toFixed(4);
}

function signed(value: number): string {
  return `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(4)}`;
}
