import { writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { UserError } from "../engine/errors.js";
import type { NetworkChoice, TableFormat, TestedMetric } from "./actions.js";
import { counted } from "./format.js";
import { given } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  format?: TableFormat;
  out?: string;
  metric: TestedMetric[];
  network: NetworkChoice;
  set?: string;
  against?: string;
  gap?: string[];
}

const formats: readonly TableFormat[] = ["markdown", "latex", "csv"];
const networks: readonly NetworkChoice[] = ["student", "teacher", "ensemble", "all"];
const averages: readonly TestedMetric[] = ["balancedAccuracy", "macroF1", "precision", "auroc", "accuracy"];
/** Of one class, `recall:Dense`, or of each, `recall:*`. */
const ofClass = /^(recall|precision|f1|auroc):./;

/** `equipoise table RUNS...`: configurations side by side, with tests between them. */
export function addTable(program: Command, session: Session): void {
  program
    .command("table")
    .description("compare configurations over folds and seeds: mean (std) per class, best in bold, tests between them")
    .argument("<runs...>", "folders of runs, or folders that hold them; or runs.csv files of experiments")
    .addOption(
      new Option("--format <format>", "format of the tables (default: by the ending of --out, or markdown)").choices(
        formats,
      ),
    )
    .option("--out <file>", "file to write: .md, .tex or .csv (default: print)")
    .addOption(
      new Option(
        "--metric <names>",
        `what the tests compare: all averages, or some of ${averages.join(", ")}; of one class recall:Dense, of each recall:* (also precision, f1, auroc)`,
      )
        .argParser(metricList)
        .default(["balancedAccuracy"], "balancedAccuracy"),
    )
    .addOption(
      new Option("--network <name>", "whose figures; ensemble: of the mean of teacher and student")
        .choices(networks)
        .default("student"),
    )
    .option("--set <name>", "figures on the further images that a plan calls so (default: each run's own test part)")
    .option("--against <configuration>", "test all others against this one only (default: every pair)")
    .option("--gap <configurations...>", "LOWER UPPER: share of the way from one to the other that each closes")
    .action((runs: string[], options: Options) => table(session, runs, options));
}

function metricList(text: string): TestedMetric[] {
  if (text === "all") return [...averages];
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !averages.includes(name as TestedMetric) && !ofClass.test(name));
  if (unknown === undefined) return [...new Set(names)] as TestedMetric[];
  throw new InvalidArgumentError(
    `"${unknown}" is none; give all, or some of ${averages.join(",")}, recall:<class>, recall:*.`,
  );
}

async function table(session: Session, runs: string[], options: Options): Promise<void> {
  const { format, out, metric, network, set, against, gap } = options;
  if (gap !== undefined && gap.length !== 2)
    throw new UserError(
      `--gap ${gap.join(" ")}: give two configurations, LOWER and UPPER, and the folders of runs before --gap`,
    );
  const [lower = "", upper = ""] = gap ?? [];
  const { table, text } = await session.actions.tableOfRuns(runs, {
    metrics: metric,
    network,
    ...given({ format, out, set, against }),
    ...(gap && { gap: [lower, upper] }),
  });
  if (table.unfinished.length > 0) session.say(`left out, not finished: ${table.unfinished.join(", ")}`);
  if (table.untested.length > 0) session.say(`left out, not tested on ${set}: ${table.untested.join(", ")}`);
  if (out === undefined) {
    session.result(table, text);
    if (format === "csv" && !session.json) for (const note of table.notes) session.say(note);
    return;
  }
  try {
    writeFileSync(out, text);
  } catch (error) {
    throw new UserError(`--out ${out}: cannot be written (${(error as Error).message}); choose another file`);
  }
  session.result({ out, ...table }, `${counted(table.runs, "run")}: ${out}`);
  if (out.toLowerCase().endsWith(".csv")) for (const note of table.notes) session.say(note);
}
