import {
  createOptimizer,
  type Device,
  mebibytes,
  softmaxCrossEntropy,
  Tape,
  type Tensor,
  UserError,
} from "../../engine/index.js";
import { type ArchitectureOptions, activationBytes, type Network, type RawTensor } from "../../models/index.js";
import { type RawBatch, type RawImages, sliceImages } from "./batch.js";

/** SGD as torch's: decay on every parameter that has a gradient. */
export interface TrainSettings {
  /** Class of each image. */
  readonly labels: readonly number[];
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly steps: number;
  /** Probability; 0: none. */
  readonly dropout: number;
  /** Of the dropout masks. */
  readonly seed: number;
}

/** Outcome of some steps on one batch. */
export interface Trained {
  /** Cross-entropy of each step, before its update. */
  readonly losses: number[];
  /** Gradients of the first step, under torch's names. */
  readonly gradients: Map<string, RawTensor>;
}

/** Logits [N,classes] and features [N,F] in evaluation mode; in parts where a batch would pass the adapter's limits. */
export async function evaluateBatch(
  network: Network,
  batch: RawBatch,
  model: ArchitectureOptions,
): Promise<Map<string, RawTensor>> {
  const most = largestBatch(network.device, model);
  const parts: { logits: Float32Array; features: Float32Array; length: number }[] = [];
  for (let begin = 0; begin < batch.x.count; begin += most) {
    const end = Math.min(batch.x.count, begin + most);
    const part = { x: sliceImages(batch.x, begin, end), x2: batch.x2 && sliceImages(batch.x2, begin, end) };
    const tape = Tape.inference(network.device);
    try {
      const { logits, features } = network.forward(tape, upload(network.device, part, tape), { training: false });
      const length = features.dim(1);
      parts.push({ logits: await network.device.read(logits), features: await network.device.read(features), length });
    } finally {
      tape.dispose();
    }
  }
  const n = batch.x.count;
  return new Map([
    [
      "logits",
      joined(
        parts.map((part) => part.logits),
        [n, network.classes],
      ),
    ],
    [
      "features",
      joined(
        parts.map((part) => part.features),
        [n, parts[0]?.length ?? 0],
      ),
    ],
  ]);
}

/**
 * Trains on one batch, in training mode.
 * @throws UserError if labels and images do not fit, the batch is too large for the adapter, or a loss is no number
 */
export async function trainOnBatch(
  network: Network,
  batch: RawBatch,
  model: ArchitectureOptions,
  settings: TrainSettings,
): Promise<Trained> {
  const { device } = network;
  checkLabels(settings.labels, batch.x.count, network.classes);
  const most = largestBatch(device, model);
  if (batch.x.count > most) {
    const limit = mebibytes(device.limits.maxStorageBufferBindingSize);
    throw new UserError(
      `--tensors: ${batch.x.count} images in one step need a tensor above the ${limit} that this adapter binds: give ${most} or fewer`,
    );
  }
  const { lr, momentum, weightDecay, steps, dropout, seed } = settings;
  const optimizer = createOptimizer(network.arena, { name: "sgd", momentum }, () => ({ rateFactor: 1, weightDecay }));
  const state = device.zeros([2], "dropout state", "u32");
  const labels = device.fromValues(settings.labels, [batch.x.count], "labels", "u32");
  const losses: number[] = [];
  let gradients = new Map<string, RawTensor>();
  try {
    for (let step = 0; step < steps; step++) {
      device.write(state, [seed, step]);
      const tape = new Tape(device);
      const pass = { training: true, dropout: dropout === 0 ? null : { p: dropout, state, pass: 0 } };
      const { logits } = network.forward(tape, upload(device, batch, tape), pass);
      const loss = softmaxCrossEntropy(tape, logits, { labels });
      tape.backward([loss]);
      const [value = Number.NaN] = await device.read(loss);
      if (!Number.isFinite(value)) throw new UserError(`the loss of step ${step + 1} is ${value}: use a smaller --lr`);
      losses.push(value);
      if (step === 0) gradients = await network.gradients();
      optimizer.step(lr);
      tape.dispose();
    }
  } finally {
    optimizer.release();
    device.release(state);
    device.release(labels);
  }
  return { losses, gradients };
}

/** Images of one pass whose largest tensor the adapter still binds. */
function largestBatch(device: Device, model: ArchitectureOptions): number {
  return Math.max(1, Math.floor(device.limits.maxStorageBufferBindingSize / activationBytes(model).largest));
}

function upload(device: Device, { x, x2 }: RawBatch, tape: Tape): { x: Tensor; x2: Tensor | null } {
  const tensor = ({ count, side, values }: RawImages, label: string): Tensor => {
    const image = tape.tensor([count, side, side, 1], label);
    device.write(image, values);
    return image;
  };
  return { x: tensor(x, "x"), x2: x2 && tensor(x2, "x2") };
}

function joined(parts: readonly Float32Array[], shape: number[]): RawTensor {
  const data = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return { dtype: "F32", shape, data };
}

function checkLabels(labels: readonly number[], count: number, classes: number): void {
  if (labels.length !== count)
    throw new UserError(`--labels: ${labels.length} labels for ${count} images; give one per image, such as 0,1,2,3`);
  const wrong = labels.find((label) => label >= classes);
  if (wrong !== undefined)
    throw new UserError(`--labels: ${wrong} is no class: the weights have ${classes}, 0 to ${classes - 1}`);
}
