import type { Command } from "commander";
import { UserError } from "../engine/errors.js";
import { given } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  out?: string;
  data?: string;
  against?: string;
  gap?: string[];
}

/** `equipoise report RUNS...`: one HTML file that shows a run, or joins several. */
export function addReport(program: Command, session: Session): void {
  program
    .command("report")
    .description("write the report of a run, or one that joins several runs: a self-contained HTML file")
    .argument("<runs...>", "folder of a run; or several, or a folder that holds them")
    .option("--out <file>", "HTML file to write (default: report.html in the folder given)")
    .option("--data <folder>", "several runs: folder of images for Figures 4, 5 and 9 (default: the runs' own)")
    .option("--against <configuration>", "several runs: test all others against this one only (default: every pair)")
    .option("--gap <configurations...>", "several runs: LOWER UPPER, share of the way from one to the other")
    .action((runs: string[], options: Options) => report(session, runs, options));
}

async function report(session: Session, runs: string[], { out, gap, ...others }: Options): Promise<void> {
  if (gap !== undefined && gap.length !== 2)
    throw new UserError(
      `--gap ${gap.join(" ")}: give two configurations, LOWER and UPPER, and the folders of runs before --gap`,
    );
  const [lower = "", upper = ""] = gap ?? [];
  const options = { ...given(others), ...(gap && { gap: [lower, upper] as const }) };
  const one = runs.length === 1 ? (runs[0] as string) : runs;
  const file = await session.actions.writeReport(one, out, options);
  session.result({ runs, report: file }, file);
}
