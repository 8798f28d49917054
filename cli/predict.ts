import { type Command, InvalidArgumentError } from "commander";
import type { AnswerChoice, RawOptions, RawResult } from "./actions.js";
import { counted } from "./format.js";
import { answerOption, given, runLog, wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface ImageOptions {
  out?: string;
  network?: AnswerChoice;
  patches?: number;
  plate?: string;
  gallery?: string;
  gallerySize?: number;
}

interface TensorOptions {
  model?: string;
  weights?: string;
  tensors?: string;
  logits?: string;
  trainStep?: true;
  labels?: number[];
  lr: number;
  momentum: number;
  weightDecay: number;
  steps: number;
  dropout: number;
  seed: number;
  grads?: string;
  weightsOut?: string;
  losses?: string;
}

type Options = ImageOptions & TensorOptions & { adapter?: string };

/** `equipoise predict RUN IMAGES...`: classifies images with the student of a run; with `--model`: raw tensors instead. */
export function addPredict(program: Command, session: Session): void {
  const command = program
    .command("predict")
    .description("classify images with the trained network of a run; with --model: run a network on tensors of a file")
    .argument("[run]", "folder of the run")
    .argument("[images...]", "image files (PNG, JPEG, TIFF), or folders of them")
    .option(
      "--out <file>",
      "CSV file to write: file, class, p_<Class>..., entropy, and well, time, ... where they are known",
    )
    .addOption(answerOption())
    .option("--patches <n>", "patches averaged per image; 1 is the central crop", wholeNumber(1))
    .option("--plate <file>", "CSV file with columns well, condition, ...: joined to the table by the well")
    .option("--gallery <file>", "HTML file to write: the images that the network is least sure of")
    .option("--gallery-size <n>", "images in it at most (default: 200)", wholeNumber(1))
    .option("--adapter <name>", "part of the name of a WebGPU adapter")
    .optionsGroup("Raw tensors (docs/pytorch.md):")
    .option("--model <name>", "network, such as hrnet-w18: run it on tensors instead of a run on images")
    .option("--weights <file>", "its state dict (safetensors, torch names)")
    .option("--tensors <file>", "batch (safetensors): x [N,1,H,W], for multi-scale networks also x2 of half the side")
    .option("--logits <file>", "write logits [N,classes] and features, evaluation mode, of the weights as given")
    .option("--train-step", "train on the batch")
    .option("--labels <list>", "class of each image: 0,1,2,3", classList)
    .option("--lr <rate>", "learning rate of SGD", number(0), 0.005)
    .option("--momentum <m>", "momentum of SGD", number(0, 1), 0.9)
    .option("--weight-decay <d>", "decay of every parameter that has a gradient", number(0), 1e-4)
    .option("--steps <n>", "steps on the same batch", wholeNumber(1), 1)
    .option("--dropout <p>", "dropout of the classifier", number(0, 1), 0)
    .option("--seed <n>", "seed of the dropout masks", wholeNumber(0), 0)
    .option("--grads <file>", "write the gradients of the first step")
    .option("--weights-out <file>", "write the state dict after the last step")
    .option("--losses <file>", "write the loss of each step, a JSON list")
    .action(async (run: string | undefined, images: string[], options: Options) => {
      if (options.model === undefined) await predictImages(session, command, run, images, options);
      else await predictTensors(session, command, run, options);
    });
}

async function predictImages(
  session: Session,
  command: Command,
  run: string | undefined,
  images: string[],
  options: Options,
): Promise<void> {
  const { out, network, patches, plate, gallery, gallerySize, adapter } = options;
  if (options.tensors !== undefined || options.weights !== undefined)
    command.error("error: --weights and --tensors need --model");
  if (run === undefined) command.error("error: missing required argument 'run'");
  if (images.length === 0) command.error("error: missing required argument 'images'");
  if (out === undefined) command.error("error: required option '--out <file>' not specified");
  if (gallerySize !== undefined && gallery === undefined) command.error("error: --gallery-size needs --gallery");
  const rest = { ...given({ network, patches, plate, gallery, gallerySize, adapter }), log: runLog(session) };
  const count = await session.actions.predictRun(run, images, { out, ...rest });
  const shown = gallery === undefined ? "" : `\nthe most uncertain of them: ${gallery}`;
  const next = `\nover time: ${session.command("timecourse", out, "--by", "condition")}`;
  const text = `${counted(count, "image")} classified: ${out}${shown}${plate === undefined ? "" : next}`;
  session.result({ run, out, images: count, ...given({ gallery }) }, text);
}

async function predictTensors(session: Session, command: Command, run: string | undefined, options: Options) {
  if (run !== undefined) command.error(`error: --model runs on --tensors, not on a run and images (${run})`);
  const result = await session.actions.runRawTensors(rawOptions(command, options));
  const { model, logits } = options;
  const losses = result.losses ? `; loss ${result.losses.join(", ")}` : "";
  const text = `${result.images} images, ${result.classes} classes${losses}${logits ? `: ${logits}` : ""}`;
  session.result({ model, ...result } satisfies RawResult & { model: string | undefined }, text);
}

/** The options of raw tensors, as the action takes them; ends with a usage error where one is missing. */
function rawOptions(command: Command, options: Options): RawOptions {
  const { model, weights, tensors, logits, trainStep, labels, adapter } = options;
  const { lr, momentum, weightDecay, steps, dropout, seed, grads, weightsOut, losses } = options;
  if (model === undefined || weights === undefined)
    command.error("error: required option '--weights <file>' not specified");
  if (tensors === undefined) command.error("error: required option '--tensors <file>' not specified");
  const base = { model, weights, tensors, ...given({ logits, adapter }) };
  if (!trainStep) {
    if (logits === undefined) command.error("error: nothing to do: give --logits <file>, or --train-step");
    const only = Object.entries({ grads, "weights-out": weightsOut, losses, labels }).find(
      ([, value]) => value !== undefined,
    );
    if (only) command.error(`error: --${only[0]} needs --train-step`);
    return base;
  }
  if (labels === undefined) command.error("error: --train-step needs --labels, one class per image");
  const files = given({ grads, weightsOut, losses });
  return { ...base, train: { labels, lr, momentum, weightDecay, steps, dropout, seed, ...files } };
}

function classList(text: string): number[] {
  return text.split(",").map((part) => wholeNumber(0)(part.trim()));
}

/** Parser of a number from `min` up, below `max` if given. */
function number(min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (value >= min && value < max) return value;
    throw new InvalidArgumentError(
      `Give a number from ${min} up${max < Number.POSITIVE_INFINITY ? `, below ${max}` : ""}.`,
    );
  };
}
