import { type Command, InvalidArgumentError, Option } from "commander";
import { modelNames } from "../models/catalogue.js";
import { methodNames } from "../pipeline/methods.js";
import type { ModelSummary, SummaryOptions } from "./actions.js";
import { table } from "./format.js";
import { positiveNumber, wholeNumber } from "./options.js";
import type { Session } from "./session.js";

/** `equipoise summary --model NAME`: layers, parameters, operations and memory of a network, without running it. */
export function addSummary(program: Command, session: Session): void {
  program
    .command("summary")
    .description("show what a network costs: layers, parameters, multiply-adds, memory, the largest batch")
    .requiredOption("--model <name>", `network: ${modelNames.join(", ")}`)
    .option(
      "--input <px>",
      "side of the patch; multi-scale: of the big scale (default: 128, multi-scale 224)",
      wholeNumber(1),
    )
    .option("--width <factor>", "factor on the network's channels", positiveNumber, 1)
    .option("--features <n>", "HRNet: length of a scale's feature vector, 128 or 512", featureSize, 128)
    .option("--classes <n>", "classes", wholeNumber(2), 4)
    .option("--batch <n>", "patches of a batch, for the memory of a training step", wholeNumber(1), 32)
    .addOption(
      new Option("--method <name>", "what is trained: one network, or teacher and student")
        .choices(methodNames)
        .default("supervised"),
    )
    .option("--recompute", "make outputs of batch norm again in the backward pass, as with --set memory.recompute=true")
    .option(
      "--memory <GB>",
      "memory that training may take (default: half of the system's, on CPU adapters)",
      positiveNumber,
    )
    .action(async ({ features, ...options }: SummaryOptions & { features: number }) => {
      const summary = await session.actions.summarize({ ...options, featureSize: features });
      session.result(summary, describe(summary));
    });
}

function describe(summary: ModelSummary): string {
  const { layers, totals, training, limits, batches } = summary;
  const rows = layers.map((layer) => [
    layer.name === layer.kind ? layer.kind : `${layer.kind} ${layer.name}`,
    layer.output.slice(1).join("x"),
    layer.parameters === 0 ? "" : digits(layer.parameters),
    layer.macs === 0 ? "" : digits(layer.macs),
    kibi(layer.bytes),
  ]);
  const unused = totals.parameters - totals.trainable;
  const { bytes } = training;
  const facts = [
    ["parameters", `${digits(totals.parameters)}${unused > 0 ? `, ${digits(totals.trainable)} with gradient` : ""}`],
    ["multiply-adds per patch", digits(totals.macs)],
    ["activations per patch", mebi(totals.activationBytes)],
    ["largest tensor per patch", mebi(totals.largestTensorBytes)],
    [
      `training step, batch ${training.batch}`,
      `about ${mebi(bytes.total)} (${training.method}${training.recompute ? ", recomputing" : ""}; weights ${mebi(bytes.weights)}, gradients ${mebi(bytes.gradients)}, ` +
        `momentum ${mebi(bytes.optimizer)}, activations ${mebi(bytes.activations)}, their gradients ${mebi(bytes.temporary)})`,
    ],
    [
      "largest tensor of adapter",
      limits.bindingBytes === null ? "no adapter" : `${mebi(limits.bindingBytes)} (${limits.adapter})`,
    ],
    [
      "memory for training",
      limits.memoryBytes === null
        ? `unknown: ${limits.memoryFrom}`
        : `${mebi(limits.memoryBytes)} (${limits.memoryFrom})`,
    ],
    [
      "largest batch",
      `${batches.largest ?? "unknown"} (by the largest tensor ${batches.binding ?? "unknown"}, by memory ${batches.memory ?? "unknown"})`,
    ],
  ];
  const width = Math.max(...facts.map(([name = ""]) => name.length));
  return [
    `${summary.model} at ${summary.input} px, width ${summary.width}, ${summary.classes} classes; one patch`,
    "",
    table([["layer", "output", "parameters", "multiply-adds", "KiB"], ...rows]),
    "",
    ...facts.map(([name = "", value]) => `${name.padEnd(width)}  ${value}`),
  ].join("\n");
}

function featureSize(text: string): number {
  if (text === "128" || text === "512") return Number(text);
  throw new InvalidArgumentError("Give 128 or 512.");
}

const digits = (value: number) => value.toLocaleString("en-US");
const kibi = (bytes: number) => (bytes / 1024).toFixed(1);
const mebi = (bytes: number) => `${(bytes / 2 ** 20).toLocaleString("en-US", { maximumFractionDigits: 1 })} MiB`;
