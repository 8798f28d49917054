import { type Command, Option } from "commander";
import { makeImages } from "./images.js";
import { wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  preset: "tiny" | "small" | "table1";
  seed: number;
}

/** `equipoise synth OUT`: a synthetic set of images. */
export function addSynth(program: Command, session: Session): void {
  program
    .command("synth")
    .description("make synthetic phase-contrast images of stem cell colonies, with masks")
    .argument("<out>", "new folder for the images")
    .addOption(new Option("--preset <size>", "number of images").choices(["tiny", "small", "table1"]).default("tiny"))
    .option("--seed <n>", "seed; the same seed gives the same images", wholeNumber(0), 0)
    .action((out: string, { preset, seed }: Options) =>
      makeImages(session, out, "drawing images", (hooks) =>
        session.actions.synthesise(out, { preset, seed, ...hooks }),
      ),
    );
}
