import type { Command } from "commander";
import type { Session } from "./session.js";

/** `equipoise report RUN`: one HTML file that shows a run. */
export function addReport(program: Command, session: Session): void {
  program
    .command("report")
    .description("write the report of a run, one self-contained HTML file")
    .argument("<run>", "folder of the run")
    .option("--out <file>", "HTML file to write (default: report.html in the run's folder)")
    .action(async (run: string, { out }: { out?: string }) => {
      const file = await session.actions.writeReport(run, out);
      session.result({ run, report: file }, file);
    });
}
