import type { Command } from "commander";
import { formatRun } from "./format.js";
import { interruptible } from "./interrupt.js";
import { given, runLog } from "./options.js";
import type { Session } from "./session.js";
import { resumeAdvice } from "./train.js";

/** `equipoise resume RUN`: continues a run that was stopped, to the same result as if it had not been. */
export function addResume(program: Command, session: Session): void {
  program
    .command("resume")
    .description("continue a run that was stopped, from its last checkpoint")
    .argument("<run>", "folder of the run")
    .option("--adapter <name>", "part of the name of a WebGPU adapter")
    .option("--yes", "do not ask before a run of more than 24 hours")
    .action(async (run: string, options: { adapter?: string; yes?: true }) => {
      const rest = { ...given({ adapter: options.adapter }), yes: options.yes === true, log: runLog(session) };
      const result = await interruptible(
        session,
        (signal) => session.actions.resumeRun(run, { ...rest, signal }),
        () => resumeAdvice(session, run),
      );
      session.result({ run, ...result }, formatRun(result, run));
    });
}
