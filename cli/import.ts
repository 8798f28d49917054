import { type Command, Option } from "commander";
import { FASHION_SHAPES, type FashionShape } from "../pipeline/data/fashionShapes.js";
import { IMPORT_SIDES, type ImportSide } from "../pipeline/data/importSides.js";
import type { Part } from "./actions.js";
import { makeImages } from "./images.js";
import { given } from "./options.js";
import type { Session } from "./session.js";

interface PthOptions {
  out: string;
  part?: Part;
}

interface Options {
  shape: FashionShape;
  size: `${ImportSide}`;
  source?: string;
}

/**
 * `equipoise import fashion-mnist OUT`: real labelled images in the proportions of the stem cell set.
 * `equipoise import pth FILE`: weights of a PyTorch checkpoint as safetensors.
 */
export function addImport(program: Command, session: Session): void {
  const group = program
    .command("import")
    .description("bring in a public data set, or the weights of a PyTorch checkpoint");
  group
    .command("fashion-mnist")
    .description("Fashion-MNIST from Debian's package dataset-fashion-mnist")
    .argument("<out>", "new folder for the images")
    .addOption(
      new Option("--shape <name>", "classes and their numbers: 4 classes, 16 : 1, or all 10, 100 : 1")
        .choices(Object.keys(FASHION_SHAPES))
        .default("stem-cell"),
    )
    .addOption(
      new Option("--size <px>", "side of the images: 64 (enlarged from 28) or 32 (28 with a black border)")
        .choices(IMPORT_SIDES.map(String))
        .default("64"),
    )
    .option("--source <folder>", "folder of the IDX files")
    .action((out: string, { shape, size, source }: Options) =>
      makeImages(session, out, "writing images", (hooks) =>
        session.actions.importFashionMnist(out, {
          shape,
          size: Number(size) as ImportSide,
          ...given({ source }),
          ...hooks,
        }),
      ),
    );
  group
    .command("pth")
    .description("weights of a PyTorch checkpoint (.pth, .pth.tar) as safetensors; nothing in the file is run")
    .argument("<file>", "what torch.save wrote: a checkpoint of the authors' layout, or a state dict")
    .requiredOption("--out <file>", "safetensors file to write, for predict --weights")
    .addOption(
      new Option("--part <name>", "network of the checkpoint (default: student)").choices(["student", "teacher"]),
    )
    .action(async (file: string, { out, part }: PthOptions) => {
      const result = await session.actions.importPth(file, out, part);
      const from = result.key === null ? "" : ` of ${result.key}`;
      session.result({ file, out, ...result }, `${result.tensors} tensors${from} (${result.values} numbers): ${out}`);
    });
}
