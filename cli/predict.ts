import type { Command } from "commander";
import { given, runLog, wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  out: string;
  patches?: number;
  adapter?: string;
}

/** `equipoise predict RUN IMAGES...`: classifies images with the student of a run. */
export function addPredict(program: Command, session: Session): void {
  program
    .command("predict")
    .description("classify images with the trained network of a run")
    .argument("<run>", "folder of the run")
    .argument("<images...>", "image files, or folders of them")
    .requiredOption("--out <file>", "CSV file to write: file, class, p_<Class>..., entropy")
    .option("--patches <n>", "patches averaged per image; 1 is the central crop", wholeNumber(1))
    .option("--adapter <name>", "part of the name of a WebGPU adapter")
    .action(async (run: string, images: string[], { out, patches, adapter }: Options) => {
      const rest = { ...given({ patches, adapter }), log: runLog(session) };
      const count = await session.actions.predictRun(run, images, { out, ...rest });
      session.result({ run, out, images: count }, `${count} images classified: ${out}`);
    });
}
