import { Rng } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { classCountFloor } from "../config/length.js";
import { type Balance, balanceByPseudoLabels, drawBalanced, permutation } from "../data/sampler.js";
import type { Crop } from "../data/source.js";
import type { Split } from "../data/types.js";
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

/** What of the strategies against imbalance a plan needs. */
export interface PlanStrategy {
  /** Added to the labeller's logits; null: nothing. */
  readonly shift: readonly number[] | null;
  /** Whether the blank image's logits are subtracted, where they are at all. */
  readonly blank: boolean;
}

/**
 * The images of an epoch's crops. In the control without U (`data.unlabelledFrom` L) they are those of L, again and again, as many as there are in U:
 * the epochs have the same number of draws and steps.
 */
export function plannedImages({ data }: Workspace["config"], { L, U }: Pick<Split, "L" | "U">): readonly number[] {
  return data.unlabelledFrom === "U" ? U : U.map((_, i) => L[i % L.length] as number);
}

/**
 * Draws one crop per image and labels it with the teacher (evaluation mode, no augmentation).
 * @param unlabelled images, each once, or all of them again and again in one order: then each time with another crop
 */
export async function labelEpoch(
  ws: Workspace,
  teacher: Network,
  unlabelled: readonly number[],
  epoch: number,
  options: {
    rule: LabelRule;
    strategy: PlanStrategy;
    onProgress: (done: number, total: number) => void;
    signal: AbortSignal;
  },
): Promise<LabelledCrops> {
  const crops: Crop[] = [];
  const [pseudo, sure] = [new Int32Array(unlabelled.length), new Int32Array(unlabelled.length)];
  const different = new Set(unlabelled).size;
  const rounds = Math.ceil(unlabelled.length / different);
  let end = 0;
  for (let i = 0; i < unlabelled.length; i = end) {
    options.signal.throwIfAborted();
    const round = Math.floor(i / different);
    end = Math.min(i + ws.views, (round + 1) * different, unlabelled.length);
    const patches = await ws.loader.drawBatch(unlabelled.slice(i, end), epoch * rounds + round, "unlabelled");
    const soft = await softmaxOf(ws, teacher, patches, { purpose: "labels", blank: options.strategy.blank });
    patches.forEach(({ image, y, x }, k) => {
      crops.push({ image, y, x });
      const { label, confidence } = labelOf(soft[k] as Float32Array, options.rule, options.strategy.shift);
      pseudo[i + k] = label;
      sure[i + k] = Number(confidence >= options.rule.threshold);
    });
    options.onProgress(end, unlabelled.length);
  }
  return { crops, pseudo, sure };
}

/** The label that a rule makes of softmax(logits): that of softmax((logits + shift) / temperature). */
function labelOf(
  probabilities: Float32Array,
  { temperature }: LabelRule,
  shift: readonly number[] | null,
): { label: number; confidence: number } {
  const logits = Array.from(probabilities, (p, c) => (Math.log(p) + (shift?.[c] ?? 0)) / temperature);
  const label = argmax(logits);
  const sum = logits.reduce((total, z) => total + Math.exp(z - (logits[label] as number)), 0);
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
