import type { Command } from "commander";
import { formatEvaluation } from "./format.js";
import { given, runLog, wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  data?: string;
  patches?: number;
  adapter?: string;
}

/** `equipoise evaluate RUN`: tests the networks of a run again, on its test part or on other images. */
export function addEvaluate(program: Command, session: Session): void {
  program
    .command("evaluate")
    .description("test the networks of a run, on its test part or on other labelled images")
    .argument("<run>", "folder of the run")
    .option("--data <folder>", "other labelled images, all of which are tested")
    .option("--patches <n>", "patches averaged per image; 1 is the central crop", wholeNumber(1))
    .option("--adapter <name>", "part of the name of a WebGPU adapter")
    .action(async (run: string, { data, patches, adapter }: Options) => {
      const result = await session.actions.evaluateRun(run, {
        ...given({ data, patches, adapter }),
        log: runLog(session),
      });
      session.result({ run, ...result }, formatEvaluation(result));
    });
}
