import { type Command, Option } from "commander";
import type { TimeCourseSummary, TimeCourseWeight } from "./actions.js";
import { given, positiveNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  by: string;
  out?: string;
  control?: string;
  weight: TimeCourseWeight;
  summary: TimeCourseSummary;
  hoursPerFrame: number;
  bin?: number;
  replicate: string;
}

const weights: readonly TimeCourseWeight[] = ["count", "area"];
const summaries: readonly TimeCourseSummary[] = ["mean", "slope", "last"];

/** `equipoise timecourse PREDICTIONS.csv`: classes over the hours of a time-lapse, compared between conditions. */
export function addTimecourse(program: Command, session: Session): void {
  program
    .command("timecourse")
    .description("compare how the shares of the classes change over time between conditions; wells are the replicates")
    .argument("<predictions>", 'CSV file of "predict --plate", with well, time and the condition')
    .option("--by <column>", "column to compare", "condition")
    .option("--out <dir>", "folder to write to (default: PREDICTIONS_timecourse)")
    .option("--control <name>", "compare all other conditions with this one only (default: every pair)")
    .addOption(
      new Option("--weight <how>", "what a colony counts: once, or its area").choices(weights).default("count"),
    )
    .addOption(
      new Option("--summary <how>", "what is tested per well: mean over time (area under the curve), slope, last time")
        .choices(summaries)
        .default("mean"),
    )
    .option("--hours-per-frame <h>", "where times are frame numbers", positiveNumber, 1)
    .option("--bin <h>", "put times within so many hours together", positiveNumber)
    .option("--replicate <columns>", "columns that together name a replicate, such as plate,well", "well")
    .action((predictions: string, options: Options) => timecourse(session, predictions, options));
}

async function timecourse(session: Session, predictions: string, options: Options): Promise<void> {
  const { out, control = null, bin = null, replicate, ...rest } = options;
  const columns = replicate.split(",").map((name) => name.trim());
  const { course, text, ...made } = await session.actions.timecourse(predictions, {
    ...rest,
    ...{ control, bin, replicate: columns },
    ...given({ out }),
  });
  const { classes, conditions, comparisons, overall, notes } = course;
  session.result({ out: made.out, classes, conditions, comparisons, overall, notes }, text.trimEnd());
  session.say(`written to ${made.out}: timecourse.html, summary.md, timecourse.svg and .png, and four tables`);
}
