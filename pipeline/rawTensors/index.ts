import { openNodeDevice } from "../../engine/node.js";
import { modelName } from "../../models/index.js";
import { readBatch } from "./batch.js";
import { evaluateBatch, type TrainSettings, trainOnBatch } from "./compute.js";
import { checkWritable, readTensors, writeJson, writeTensors } from "./files.js";
import { networkOf, sizesOf } from "./weights.js";

export type { TrainSettings } from "./compute.js";

/** A network on tensors from a file: how anyone checks this project against PyTorch. */
export interface RawOptions {
  model: string;
  /** safetensors file of a torch state dict. */
  weights: string;
  /** safetensors file with `x` [N,1,H,W], and `x2` for multi-scale networks. */
  tensors: string;
  /** File for `logits` and `features`, in evaluation mode, of the weights as given. */
  logits?: string;
  train?: TrainSettings & {
    /** Files: gradients of the first step, the state dict after the last, the loss of each (a JSON list). */
    grads?: string;
    weightsOut?: string;
    losses?: string;
  };
  adapter?: string;
}

export interface RawResult {
  images: number;
  classes: number;
  /** Loss of each step, before its update; null without training. */
  losses: number[] | null;
}

/**
 * Evaluates, then trains, as asked.
 * @throws UserError naming the option, the file, the tensor and what does not fit
 */
export async function runRawTensors(options: RawOptions): Promise<RawResult> {
  const model = modelName(options.model);
  const { logits, train } = options;
  const files = {
    "--logits": logits,
    "--grads": train?.grads,
    "--weights-out": train?.weightsOut,
    "--losses": train?.losses,
  };
  for (const [option, file] of Object.entries(files)) if (file !== undefined) await checkWritable(option, file);
  const weights = await readTensors("--weights", options.weights);
  const batch = readBatch(await readTensors("--tensors", options.tensors), model, options.tensors);
  const sizes = sizesOf(weights, model, options.weights);
  const description = { ...sizes, model, input: batch.x.side };
  const device = await openNodeDevice(options.adapter === undefined ? {} : { adapter: options.adapter });
  try {
    const network = networkOf(device, weights, { model, input: batch.x.side, source: options.weights });
    if (logits !== undefined) await writeTensors("--logits", logits, await evaluateBatch(network, batch, description));
    const trained = train ? await trainOnBatch(network, batch, description, train) : null;
    if (train?.grads !== undefined && trained) await writeTensors("--grads", train.grads, trained.gradients);
    if (train?.weightsOut !== undefined)
      await writeTensors("--weights-out", train.weightsOut, await network.stateDict());
    if (train?.losses !== undefined && trained) await writeJson("--losses", train.losses, trained.losses);
    return { images: batch.x.count, classes: sizes.classes, losses: trained?.losses ?? null };
  } finally {
    device.close();
  }
}
