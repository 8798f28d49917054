import { join } from "node:path";
import { type Command, Option } from "commander";
import { table } from "./format.js";
import { makeImages } from "./images.js";
import { interruptible } from "./interrupt.js";
import { wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  preset: "tiny" | "small" | "table1";
  seed: number;
  wells?: number;
  frames: number;
  size: number;
}

/** `equipoise synth OUT`: a synthetic set of images, or with `--wells` whole wells over time. */
export function addSynth(program: Command, session: Session): void {
  program
    .command("synth")
    .description("make synthetic phase-contrast images of stem cell colonies, with masks")
    .argument("<out>", "new folder for the images")
    .addOption(
      new Option("--preset <size>", "number of images")
        .choices(["tiny", "small", "table1"])
        .default("tiny")
        .conflicts("wells"),
    )
    .option("--seed <n>", "seed; the same seed gives the same images", wholeNumber(0), 0)
    .option("--wells <n>", "instead of colonies: this many whole wells as hourly time-lapse sequences", wholeNumber(1))
    .option("--frames <n>", "with --wells: frames of each", wholeNumber(1), 48)
    .option("--size <px>", "with --wells: width and height", wholeNumber(1), 2908)
    .action((out: string, { preset, seed, wells, frames, size }: Options) =>
      wells === undefined
        ? makeImages(session, out, "drawing images", (hooks) =>
            session.actions.synthesise(out, { preset, seed, ...hooks }),
          )
        : makeWells(session, out, { wells, frames, size, seed }),
    );
}

async function makeWells(
  session: Session,
  out: string,
  options: { wells: number; frames: number; size: number; seed: number },
): Promise<void> {
  const onProgress = (done: number, total: number) => session.progress.update({ label: "drawing frames", done, total });
  const summary = await interruptible(
    session,
    (signal) => session.actions.synthesiseWells(out, { ...options, onProgress, signal }),
    () => "no frame was kept",
  );
  const rows = Object.entries(summary.counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => [name, String(count)]);
  const next = [
    `find the colonies: ${session.command("detect", join(out, "wells"), "--out", "DIR")}`,
    `then compare with the truth: ${session.command("score", "DIR", "--truth", join(out, "truth"))}`,
  ];
  const head = ["frames", String(summary.wells * summary.frames)];
  session.result(summary, `${table([head, ...rows])}\n\n${next.join("\n")}`);
}
