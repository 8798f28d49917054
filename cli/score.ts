import { type Command, InvalidArgumentError } from "commander";
import type { DetectionScore } from "./actions.js";
import { table } from "./format.js";
import { wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options {
  truth: string;
  minSize: number;
  iou: number;
}

function overlap(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value > 0 && value <= 1) return value;
  throw new InvalidArgumentError("Give a number above 0, up to 1.");
}

/** `equipoise score DIR`: how well detected colonies agree with the truth. */
export function addScore(program: Command, session: Session): void {
  program
    .command("score")
    .description("compare the colonies that `detect` found with true masks: recall, precision, overlap")
    .argument("<dir>", "folder that `detect --out` made")
    .requiredOption("--truth <folder>", "folder of true masks, as `synth --wells` makes it")
    .option("--min-size <px>", "smaller true pieces need not be found", wholeNumber(0), 2000)
    .option("--iou <share>", "least intersection over union of a match", overlap, 0.5)
    .action(async (dir: string, { truth, minSize, iou }: Options) => {
      const onProgress = (done: number, total: number) =>
        session.progress.update({ label: "comparing masks", done, total });
      const score = await session.actions.scoreDetection(dir, truth, { minSize, iou, onProgress });
      if (score.missing.length > 0)
        session.say(
          `warning: no detection of ${score.missing.length} images of the truth, ${score.missing[0]} the first`,
        );
      session.result({ dir, truthFolder: truth, ...score }, describe(score));
    });
}

function describe(score: DetectionScore): string {
  const show = (value: number | null) => (value === null ? "-" : value.toFixed(3));
  const rows = [
    ["images", String(score.images)],
    [`true objects of ${score.minSize} px or more`, String(score.truth)],
    ["detected objects", String(score.detected)],
    [`matched (IoU ${score.iou} or more)`, String(score.matched)],
    ["not found: merged with a neighbour", String(score.merged)],
    ["recall", show(score.recall)],
    ["precision", show(score.precision)],
    ["IoU of matched objects, mean", show(score.objectIou)],
    ["IoU of whole masks, mean", show(score.maskIou)],
  ];
  const classes = Object.entries(score.classes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { truth, recall }]) => [`recall of ${name} (${truth})`, show(recall)]);
  return table([...rows, ...classes]);
}
