import { pseudoLabels, Tape, type Tensor } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import type { Patch } from "../data/types.js";
import { blankPixels, evaluationLogits, type Purpose } from "../imbalance/classifier.js";
import { type Evaluation, evaluate } from "../metrics.js";
import type { Workspace } from "./workspace.js";

/** One network, or several whose class probabilities are averaged. */
export type Classifier = Network | readonly Network[];

export interface ClassifyOptions {
  /** Patches averaged per image; 1: the central crop. */
  readonly patches?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Class probabilities of images in evaluation mode, without augmentation; several patches of an image are averaged. */
export async function classify(
  ws: Workspace,
  classifier: Classifier,
  images: readonly number[],
  options: ClassifyOptions = {},
): Promise<Float32Array[]> {
  const { patches = 1 } = options;
  const perPass = Math.max(1, Math.floor(ws.views / patches));
  const results: Float32Array[] = [];
  for (let i = 0; i < images.length; i += perPass) {
    options.signal?.throwIfAborted();
    const chunk = images.slice(i, i + perPass);
    const cut = patches === 1 ? await ws.loader.centralBatch(chunk) : await ws.loader.tilesBatch(chunk, patches);
    const soft = await softmaxOf(ws, classifier, cut);
    chunk.forEach((_, k) => {
      results.push(average(soft.slice(k * patches, (k + 1) * patches)));
    });
    options.onProgress?.(Math.min(images.length, i + perPass), images.length);
  }
  return results;
}

export interface LogitOptions {
  readonly purpose: Purpose;
  /** Whether CDMAD, where it is on, subtracts the blank image's logits. */
  readonly blank: boolean;
}

const forTest: LogitOptions = { purpose: "test", blank: true };

/** Softmax of patches, in passes of at most `ws.views`; of several networks the mean. */
export async function softmaxOf(
  ws: Workspace,
  classifier: Classifier,
  patches: readonly Patch[],
  options: LogitOptions = forTest,
): Promise<Float32Array[]> {
  const networks = Array.isArray(classifier) ? (classifier as readonly Network[]) : [classifier as Network];
  const each: Float32Array[][] = [];
  for (const network of networks) each.push(await softmaxOfOne(ws, network, patches, options));
  return meanOverNetworks(each);
}

/** The mean of what several networks make of the same images: a row of class probabilities per image. */
export function meanOverNetworks(each: readonly (readonly Float32Array[])[]): Float32Array[] {
  return (each[0] ?? []).map((_, i) => average(each.map((rows) => rows[i] as Float32Array)));
}

async function softmaxOfOne(
  ws: Workspace,
  network: Network,
  patches: readonly Patch[],
  options: LogitOptions,
): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  for (let i = 0; i < patches.length; i += ws.views) {
    const part = patches.slice(i, i + ws.views);
    const tape = Tape.inference(ws.device);
    // The shapes of a pass stay the same, so that nothing is compiled or made for a last, shorter one.
    const values = await ws.device.read(forwardPass(ws, network, tape, pixelsOf(part, ws.views), options));
    tape.dispose();
    const classes = ws.classes.length;
    part.forEach((_, k) => {
      rows.push(values.slice(k * classes, (k + 1) * classes));
    });
  }
  return rows;
}

/** The GPU work of a pass without its result: for `Device.precompile`. */
export function rehearseClassification(ws: Workspace, network: Network): void {
  const tape = Tape.inference(ws.device);
  forwardPass(ws, network, tape, new Uint8Array(ws.views * ws.config.patch.size ** 2), forTest);
  tape.dispose();
}

/** Class probabilities [ws.views,classes] of `ws.views` patches; `tape` owns them. */
function forwardPass(ws: Workspace, network: Network, tape: Tape, pixels: Uint8Array, options: LogitOptions): Tensor {
  const { augmenter, config, views } = ws;
  const inputs = augmenter.plain(tape, pixels, views);
  const blank = config.imbalance.cdmad && options.blank ? augmenter.plain(tape, blankPixels(config), 1) : null;
  return pseudoLabels(tape, evaluationLogits(tape, network, inputs, blank, options.purpose)).soft;
}

/** Patches one after another, filled up with black ones. */
export function pixelsOf(patches: readonly Patch[], count = patches.length): Uint8Array {
  const area = (patches[0]?.size ?? 0) ** 2;
  const pixels = new Uint8Array(area * count);
  patches.forEach((patch, i) => {
    pixels.set(patch.pixels, i * area);
  });
  return pixels;
}

/** Metrics of probabilities, one row per image. */
export function evaluationOf(
  { classes }: Workspace,
  images: readonly number[],
  labels: ArrayLike<number>,
  probabilities: readonly Float32Array[],
): Evaluation {
  const truth = images.map((i) => labels[i] as number);
  const losses = probabilities.map((p, i) => -Math.log(Math.max(p[truth[i] as number] as number, 1e-30)));
  return evaluate(classes, truth, probabilities, losses);
}

function average(rows: readonly Float32Array[]): Float32Array {
  const [first] = rows;
  if (!first || rows.length === 1) return first ?? new Float32Array();
  return first.map((_, c) => rows.reduce((sum, row) => sum + (row[c] as number), 0) / rows.length);
}
