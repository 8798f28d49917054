import { writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { UserError } from "../engine/errors.js";
import type { TableFormat, TestedMetric } from "./actions.js";
import { given } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  format?: TableFormat;
  out?: string;
  metric: TestedMetric;
  against?: string;
}

const formats: readonly TableFormat[] = ["markdown", "latex", "csv"];
const metrics: readonly TestedMetric[] = ["balancedAccuracy", "macroF1", "precision", "auroc", "accuracy"];

/** `equipoise table RUNS...`: configurations side by side, with tests between them. */
export function addTable(program: Command, session: Session): void {
  program
    .command("table")
    .description("compare configurations over folds and seeds: mean (std) per class, best in bold, tests between them")
    .argument("<runs...>", "folders of runs, or folders that hold them")
    .addOption(
      new Option("--format <format>", "format of the tables (default: by the ending of --out, or markdown)").choices(
        formats,
      ),
    )
    .option("--out <file>", "file to write: .md, .tex or .csv (default: print)")
    .addOption(
      new Option("--metric <name>", "average over classes that the tests compare")
        .choices(metrics)
        .default("balancedAccuracy"),
    )
    .option("--against <configuration>", "test all others against this one only (default: every pair)")
    .action((runs: string[], options: Options) => table(session, runs, options));
}

async function table(session: Session, runs: string[], { format, out, metric, against }: Options): Promise<void> {
  const { table, text } = await session.actions.tableOfRuns(runs, {
    metric,
    ...given({ format, out, against }),
  });
  if (table.unfinished.length > 0) session.say(`left out, not finished: ${table.unfinished.join(", ")}`);
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
  session.result({ out, ...table }, `${table.runs} runs: ${out}`);
  if (out.toLowerCase().endsWith(".csv")) for (const note of table.notes) session.say(note);
}
