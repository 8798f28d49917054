import { join } from "node:path";
import { type Command, Option } from "commander";
import { detectDefaults } from "../pipeline/detect/options.js";
import { parseBits16 } from "../pipeline/images/grey.js";
import type { DetectSummary } from "./actions.js";
import { table } from "./format.js";
import { interruptible } from "./interrupt.js";
import { given, runLog, wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  out: string;
  order: "text" | "code";
  entropyRadius: number;
  openingRadius: number;
  minSize: number;
  blur: boolean;
  bits16: string;
  pattern?: string;
  channel?: number;
  intermediates?: true;
  adapter?: string;
}

/** `equipoise detect WELLS... --out DIR`: colonies of whole wells, as a folder that `train` reads. */
export function addDetect(program: Command, session: Session): void {
  const { order, entropyRadius, openingRadius, minSize } = detectDefaults;
  program
    .command("detect")
    .description("find the colonies of whole wells: crops and masks to train on, overlays, and a table")
    .argument("<wells...>", "images (PNG, JPEG, TIFF, OME-TIFF), or folders of them")
    .requiredOption("--out <dir>", "folder for the results; a second run adds to it, or goes on where one stopped")
    .option("--pattern <regex>", "well and time in the file name, as groups (?<well>...) and (?<time>...)")
    .addOption(
      new Option(
        "--order <order>",
        "opening after the threshold, as in the article's text, or before it, as in its code",
      )
        .choices(["text", "code"])
        .default(order),
    )
    .option("--entropy-radius <px>", "radius of the disk of the local entropy", wholeNumber(1), entropyRadius)
    .option("--opening-radius <px>", "radius of the disk of the opening", wholeNumber(1), openingRadius)
    .option("--min-size <px>", "objects of fewer pixels are no colonies", wholeNumber(0), minSize)
    .option("--no-blur", "do not blur before the entropy")
    .option("--bits16 <rule>", "16 bits to 8: full (range), minmax, percentiles, or percentiles:LOW,HIGH", "full")
    .option("--channel <n>", "channel to use of files with several, from 0", wholeNumber(0))
    .option("--intermediates", "also write every stage")
    .option("--adapter <name>", 'part of the name of a WebGPU adapter; see "adapters"')
    .action((wells: string[], options: Options) => runDetect(session, wells, options));
}

async function runDetect(session: Session, wells: string[], options: Options): Promise<void> {
  const { out, pattern = null, channel = null, bits16, intermediates = false, adapter } = options;
  const { order, blur, entropyRadius, openingRadius, minSize } = options;
  const request = {
    ...{ out, pattern, channel, bits16: parseBits16(bits16), intermediates },
    ...{ detect: { order, blur, entropyRadius, openingRadius, minSize }, log: runLog(session), ...given({ adapter }) },
  };
  const summary = await interruptible(
    session,
    (signal) => session.actions.detectWells(wells, { ...request, signal }),
    () => "what was finished is kept; the same command goes on from there",
  );
  if (summary.failures.length > 0) session.code = 1;
  session.result(summary, describe(session, summary));
}

function describe(session: Session, summary: DetectSummary): string {
  const { out, files, detected, unchanged, colonies, empty, replaced, failures, all } = summary;
  const rows: [string, number][] = [
    ["files", files],
    ["images looked at", detected],
    ...(unchanged > 0 ? [["images done before", unchanged] as [string, number]] : []),
    ["colonies", colonies],
    ...(empty > 0 ? [["images without colonies", empty] as [string, number]] : []),
    ...(replaced.length > 0 ? [["earlier images replaced", replaced.length] as [string, number]] : []),
    ...(failures.length > 0 ? [["files or pages skipped", failures.length] as [string, number]] : []),
  ];
  const lines = [table(rows.map(([name, count]) => [name, String(count)])), ""];
  if (all.images > detected + unchanged)
    lines.push(`${out} now holds ${all.colonies} colonies of ${all.images} images`);
  lines.push(`table: ${join(out, "colonies.csv")}`, `check: ${join(out, "<image>", "overlay.png")}`);
  if (failures.length > 0) lines.push("", "skipped:", ...failures.map(({ message }) => `  ${message}`));
  const classes = `sort crops from ${join(out, "images", "Unlabelled")} into class folders beside it`;
  if (colonies > 0) lines.push("", `then ${classes}, and train: ${session.command("train", "--data", out)}`);
  return lines.join("\n");
}
