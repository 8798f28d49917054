import { Rng } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { classCountFloor } from "../config/length.js";
import { type Balance, balanceByPseudoLabels, drawBalanced, permutation } from "../data/sampler.js";
import type { Crop } from "../data/source.js";
import { argmax } from "../metrics.js";
import { softmaxOf } from "./classify.js";
import type { Workspace } from "./workspace.js";

/** One epoch over U: a random crop per image, what the teacher took it for, and the order in which crops are learnt. */
export interface EpochPlan {
  readonly crops: readonly Crop[];
  /** The teacher's class per crop: for balancing only. */
  readonly pseudo: Int32Array;
  /** 1 where that label reaches the method's threshold, else 0. */
  readonly sure: Int32Array;
  readonly balance: Balance;
  /** Indices into `crops`, steps x batch of them. */
  readonly order: Int32Array;
}

/** Crops with the labels that the teacher gave them. */
export type LabelledCrops = Pick<EpochPlan, "crops" | "pseudo" | "sure">;

/** How logits become pseudo-labels: as in the method's steps. */
export interface LabelRule {
  readonly temperature: number;
  /** Least probability of a confident label. */
  readonly threshold: number;
}

/** Draws one crop per unlabelled image and labels it with the teacher (evaluation mode, no augmentation). */
export async function labelEpoch(
  ws: Workspace,
  teacher: Network,
  unlabelled: readonly number[],
  epoch: number,
  options: { rule: LabelRule; onProgress: (done: number, total: number) => void; signal: AbortSignal },
): Promise<LabelledCrops> {
  const crops: Crop[] = [];
  const [pseudo, sure] = [new Int32Array(unlabelled.length), new Int32Array(unlabelled.length)];
  for (let i = 0; i < unlabelled.length; i += ws.views) {
    options.signal.throwIfAborted();
    const patches = await ws.loader.drawBatch(unlabelled.slice(i, i + ws.views), epoch, "unlabelled");
    const soft = await softmaxOf(ws, teacher, patches);
    patches.forEach(({ image, y, x }, k) => {
      crops.push({ image, y, x });
      const { label, confidence } = labelOf(soft[k] as Float32Array, options.rule);
      pseudo[i + k] = label;
      sure[i + k] = Number(confidence >= options.rule.threshold);
    });
    options.onProgress(Math.min(unlabelled.length, i + ws.views), unlabelled.length);
  }
  return { crops, pseudo, sure };
}

/** The label that a rule makes of the class probabilities softmax(logits): that of softmax(logits / temperature). */
function labelOf(probabilities: Float32Array, { temperature }: LabelRule): { label: number; confidence: number } {
  const label = argmax(probabilities);
  const top = Math.log(probabilities[label] as number);
  const sum = probabilities.reduce((total, p) => total + Math.exp((Math.log(p) - top) / temperature), 0);
  return { label, confidence: 1 / sum };
}

/** The order of an epoch: draws with weight 1/count(predicted class), or a permutation where balancing is off. */
export function planEpoch(ws: Workspace, labelled: LabelledCrops, epoch: number, draws: number): EpochPlan {
  const { meta, seed } = ws.config;
  const { crops, pseudo } = labelled;
  const balanced = balanceByPseudoLabels(pseudo, ws.classes.length, {
    minClassCount: classCountFloor(meta.minClassCount, crops.length),
  });
  // Without balancing every patch weighs the same, and no class is left out.
  const even = { weights: balanced.weights.map(() => 1 / crops.length), neverPredicted: [] };
  const balance = meta.balance ? balanced : { ...balanced, ...even };
  const rng = new Rng(seed, `epoch ${epoch} order`);
  const order = meta.balance
    ? drawBalanced(pseudo, balance, draws, rng)
    : fillUp(permutation(crops.length, rng), draws, rng);
  return { ...labelled, balance, order };
}

/** A permutation cut or filled up with further draws to `length`: shapes are fixed, so the last batch is full. */
export function fillUp(order: Int32Array, length: number, rng: Rng): Int32Array {
  return Int32Array.from({ length }, (_, i) =>
    i < order.length ? (order[i] as number) : (order[rng.int(order.length)] as number),
  );
}
