import { type Command, Option } from "commander";
import { makeImages } from "./images.js";
import { given } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  shape: "stem-cell";
  source?: string;
}

/** `equipoise import fashion-mnist OUT`: real labelled images in the proportions of the stem cell set. */
export function addImport(program: Command, session: Session): void {
  const group = program.command("import").description("bring a public data set into the folder layout of equipoise");
  group
    .command("fashion-mnist")
    .description("Fashion-MNIST from Debian's package dataset-fashion-mnist")
    .argument("<out>", "new folder for the images")
    .addOption(new Option("--shape <name>", "classes and their numbers").choices(["stem-cell"]).default("stem-cell"))
    .option("--source <folder>", "folder of the IDX files")
    .action((out: string, { shape, source }: Options) =>
      makeImages(session, out, "writing images", (hooks) =>
        session.actions.importFashionMnist(out, { shape, ...given({ source }), ...hooks }),
      ),
    );
}
