/** A time course in words and tables that a biologist reads. Needs no Node. */
import { percent } from "../format.js";
import type { Difference } from "./tests.js";
import { type Comparison, type CorrectedTest, type TimeCourse, wellsOf } from "./timecourse.js";

const summaryWords = {
  mean: "the share of colonies given the class, averaged over time (area under the curve divided by its length)",
  slope: "the change of the share of colonies given the class per day (straight line through the well's points)",
  last: "the share of colonies given the class at the well's last time",
} as const;

/** What is compared, in words. */
export function summaryText({ options }: TimeCourse): string {
  const text = summaryWords[options.summary];
  return options.weight === "area"
    ? text.replace("share of colonies given", "share of the colonies' area given")
    : text;
}

/** What the curves show, in words. */
export function caption(course: TimeCourse): string {
  const { options, conditions, wells } = course;
  const what =
    options.weight === "area" ? "Share of the colonies' area given each class" : "Share of colonies given each class";
  const counts = conditions.map((name) => `${name}: ${count(wellsOf(wells, name).length, "well")}`).join(", ");
  return (
    `${what} over time. Lines: mean over wells (${counts}). Bands: 95 % interval of the mean, by Student's t over wells, each time ` +
    "by itself; a condition with one well has none. Wells are the replicates, not colonies."
  );
}

/** A summary value or difference with its unit: per cent, or percentage points per day for slopes. */
export function valueText(course: TimeCourse, value: number | null, digits = 1): string {
  if (value === null) return "-";
  return course.options.summary === "slope" ? `${signed(2400 * value, digits)} points/day` : percent(value, { digits });
}

/** `+13.2 points (+4.9 to +21.5)` */
export function differenceText(course: TimeCourse, difference: Difference | null): string {
  if (difference === null) return "-";
  const scale = course.options.summary === "slope" ? 2400 : 100;
  const unit = course.options.summary === "slope" ? "points/day" : "points";
  const { estimate, interval } = difference;
  const range = interval ? ` (${signed(scale * interval[0])} to ${signed(scale * interval[1])})` : "";
  return `${signed(scale * estimate)} ${unit}${range}`;
}

export function pText(p: number | null): string {
  if (p === null) return "-";
  return p < 1e-4 ? "< 0.0001" : p.toFixed(p < 0.001 ? 4 : 3);
}

/** `= 0.012`, `< 0.0001` */
function equals(p: number | null): string {
  const text = pText(p);
  return text.startsWith("<") ? text : `= ${text}`;
}

function signed(value: number, digits = 1): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? "-" : "+"}${text}`;
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}

/** One sentence per comparison that the data decide, then what they do not. */
export function findings(course: TimeCourse): string[] {
  const { comparisons, classes, options } = course;
  const tested = comparisons.filter(({ welch }) => welch.p !== null);
  if (comparisons.length === 0 || tested.length === 0) return [];
  const clear = tested.filter(({ welch }) => (welch.corrected ?? 1) < 0.05);
  const sentences = clear.map((one) => {
    const [a, b] = one.means;
    const more = (one.difference?.estimate ?? 0) > 0 ? "more" : "less";
    const name = classes[one.class];
    const claim =
      options.summary === "slope"
        ? `${name} rises ${more} (or falls ${more === "more" ? "less" : "more"}) with ${one.b} than with ${one.a}`
        : `${one.b} has ${more} ${name} than ${one.a}`;
    return (
      `${claim}: ${valueText(course, b)} against ${valueText(course, a)}, a difference of ` +
      `${differenceText(course, one.difference)} (Welch's t-test, p ${equals(one.welch.corrected)} after Holm's correction${rankText(one)}).`
    );
  });
  const rest = tested.length - clear.length;
  if (rest > 0)
    sentences.push(
      `${clear.length === 0 ? "No difference was shown" : "No other difference was shown"} (${count(rest, "comparison")}, p of 0.05 or more after ` +
        "correction). That does not show that there is none: the intervals in the table say how large it may still be.",
    );
  return sentences;
}

function rankText({ rankSum }: Comparison): string {
  return rankSum.p === null ? "" : `; rank-sum test, p ${equals(rankSum.corrected)}`;
}

/** What the reader must keep in mind whatever the data. */
export const cautions = [
  "**Wells are the replicates, not colonies.** Colonies of one well share medium, cells and position on the plate; to count each of them as an independent sample would make p-values far too small.",
  "The shares are of what the network answered. Its mistakes shift them, most of all for rare classes; a difference between conditions is safer to read than a share as such. See how good the network is with `equipoise report`.",
  "Classes add up to 100 %: where one rises, others must fall. Not each of these is a finding of its own.",
];

/** How the comparison was made, in one paragraph. */
export function methodText(course: TimeCourse): string {
  const { options, comparisons, overall } = course;
  const parts = [
    `For each well: ${summaryText(course)}.`,
    "Between two conditions: Welch's t-test (unequal variances) and Wilcoxon's rank-sum test (Mann-Whitney, exact up to 50 wells), two-sided; the difference with its 95 % interval (Welch).",
    overall.length > 0
      ? "Over all conditions: Kruskal and Wallis' test (chi-square approximation, rough below 5 wells each)."
      : "",
    `p-values of each test are corrected over all ${comparisons.length} comparisons of classes and conditions (Holm); those without a p-value do not count.`,
    options.weight === "area" ? "Each colony counts by its area." : "Each colony counts once.",
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** The summary as Markdown. @param table name of the table of predictions @param picture name of the chart's file */
export function markdown(course: TimeCourse, table: string, picture: string): string {
  const { conditions, wells, notes, comparisons } = course;
  const colonies = wells.flatMap((well) => well.colonies).reduce((sum, n) => sum + n, 0);
  const found = findings(course);
  const lines = [
    `# Classes over time by ${course.options.by}`,
    `${count(colonies, "colony image")} of ${count(wells.length, "well")} (${conditions.map((name) => `${name}: ${wellsOf(wells, name).length}`).join(", ")}), from \`${table}\`.`,
    ...(found.length > 0 ? ["## What was found", found.map((line) => `- ${line}`).join("\n")] : []),
    ...(notes.length > 0 ? ["## What limits it", notes.map((line) => `- ${line}`).join("\n")] : []),
    `![Curves of each class by ${course.options.by}](${picture})`,
    caption(course),
    ...(comparisons.length > 0 ? ["## Comparisons", comparisonTable(course), methodText(course)] : []),
    "## Keep in mind",
    cautions.map((line) => `- ${line}`).join("\n"),
  ];
  return `${lines.join("\n\n")}\n`;
}

export const comparisonHead = (course: TimeCourse) => [
  ...["class", "condition", "compared with"],
  ...["mean", "mean of the other", "difference (95 % interval)", "wells"],
  ...["Welch p", "Holm", "rank-sum p", "Holm"],
  ...(course.overall.length > 0 ? ["Kruskal p, all conditions", "Holm"] : []),
];

/** The cells of one comparison, in the order of `comparisonHead`. */
export function comparisonCells(course: TimeCourse, one: Comparison): string[] {
  const [na, nb] = one.wells;
  const [a, b] = one.means.map((value) => valueText(course, value)) as [string, string];
  const overall = course.overall.find((other) => other.class === one.class)?.kruskal;
  return [
    ...[course.classes[one.class] ?? "", one.b, one.a, b, a, differenceText(course, one.difference), `${nb} and ${na}`],
    ...testCells(one.welch),
    ...testCells(one.rankSum),
    ...(overall ? testCells(overall) : []),
  ];
}

function testCells({ p, corrected }: CorrectedTest): string[] {
  return [pText(p), pText(corrected)];
}

function comparisonTable(course: TimeCourse): string {
  const rows = course.comparisons.map((one) => comparisonCells(course, one));
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const head = comparisonHead(course);
  const reasons = new Set(course.comparisons.flatMap(({ welch }) => (welch.p === null ? [welch.reason] : [])));
  const why = [...reasons].map((reason) => `\n\nNo p-value where ${reason}.`).join("");
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n") + why;
}
