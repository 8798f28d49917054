import { type Command, InvalidArgumentError } from "commander";
import type { FigureNumber } from "./actions.js";
import { given } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  out: string;
  only?: FigureNumber[];
  configs?: string[];
  data?: string;
  scales?: number[];
}

const numbers: readonly FigureNumber[] = [2, 4, 5, 6, 7, 8, 9];

/** `equipoise figures RUNS...`: the figures of the article for these runs. */
export function addFigures(program: Command, session: Session): void {
  program
    .command("figures")
    .description("draw the figures of the article for runs: SVG and PNG with captions")
    .argument("<runs...>", "folders of runs, or folders that hold them")
    .requiredOption("--out <folder>", "folder to write figure-N.svg, .png and .md (title and caption) into")
    .option(
      "--only <numbers>",
      "some of 2 losses, 4 patches, 5 masks, 6 class weights, 7 sampling, 8 labelled fraction, 9 mistakes",
      figureList,
    )
    .option(
      "--configs <names>",
      "configurations to draw, by name or label, with commas between (6: two, 9: one)",
      nameList,
    )
    .option("--data <folder>", "folder of images for 4, 5 and 9 (default: the runs' own)")
    .option("--scales <px>", "patch sides of 4, with commas between (default: those of the runs)", scaleList)
    .action(async (runs: string[], { out, ...options }: Options) => {
      const written = await session.actions.writeFigures(runs, out, given(options));
      for (const { folder, reason } of written.unreadable) session.say(`left out, ${folder}: ${reason}`);
      for (const { number, title, reason } of written.missing) session.say(`no Figure ${number} (${title}): ${reason}`);
      session.result(
        written,
        written.figures.map(({ number, title, files }) => `Figure ${number}. ${title}: ${files.join(" ")}`).join("\n"),
      );
    });
}

/** "2,6" as numbers of figures. */
export function figureList(text: string): FigureNumber[] {
  return text.split(",").map((part) => {
    const number = numbers.find((one) => String(one) === part.trim());
    if (number === undefined) throw new InvalidArgumentError(`"${part}" is none; there are ${numbers.join(", ")}.`);
    return number;
  });
}

/** Names with commas between; commas in the brackets of a label do not count. */
export function nameList(text: string): string[] {
  return text
    .split(/,(?![^()]*\))/)
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function scaleList(text: string): number[] {
  return text.split(",").map((part) => {
    if (/^\d+$/.test(part.trim())) return Number(part);
    throw new InvalidArgumentError(`"${part}" is no number of pixels.`);
  });
}
