import type { Command } from "commander";
import { percent } from "../pipeline/format.js";
import type { AnswerChoice } from "./actions.js";
import { counted } from "./format.js";
import { interruptible } from "./interrupt.js";
import { answerOption, given, positiveNumber, runLog, wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  out: string;
  network?: AnswerChoice;
  stride?: number;
  pixelSize?: number;
  masks?: string;
  plate?: string;
  adapter?: string;
}

/** `equipoise classmap RUN IMAGES...`: which part of each colony belongs to which class. */
export function addClassMap(program: Command, session: Session): void {
  program
    .command("classmap")
    .description("map the classes within colonies: patches slide over each image, their probabilities are averaged")
    .argument("<run>", "folder of the run")
    .argument("<images...>", "image files (PNG, JPEG, TIFF), or folders of them")
    .requiredOption("--out <dir>", "folder to write to: <name>_map.png, <name>_labels.tif, areas.csv")
    .addOption(answerOption())
    .option("--stride <px>", "distance of neighbouring patches (default: a quarter of the patch)", wholeNumber(1))
    .option("--pixel-size <um>", "micrometres per pixel: areas in um2, a scale bar", positiveNumber)
    .option("--masks <dir>", 'folder of the masks (default: "masks" beside "images")')
    .option("--plate <file>", "CSV file with columns well, condition, ...: joined to areas.csv by the well")
    .option("--adapter <name>", "part of the name of a WebGPU adapter")
    .action(async (run: string, images: string[], { out, ...rest }: Options) => {
      const summary = await interruptible(
        session,
        (signal) => session.actions.mapClasses(run, images, { out, ...given(rest), log: runLog(session), signal }),
        () => `the maps that are done are in ${out}`,
      );
      const shares = Object.entries(summary.fractions).map(([name, share]) => `${name} ${percent(share)}`);
      session.result(
        summary,
        `${counted(summary.images, "image")} mapped: ${out}\nof their area: ${shares.join(", ")}`,
      );
    });
}
