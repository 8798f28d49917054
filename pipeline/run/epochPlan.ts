import { Rng } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { classCountFloor } from "../config/length.js";
import type { Crop } from "../data/loader.js";
import { type Balance, balanceByPseudoLabels, drawBalanced, permutation } from "../data/sampler.js";
import { argmax } from "../metrics.js";
import { softmaxOf } from "./classify.js";
import type { Workspace } from "./workspace.js";

/** One epoch over U: a random crop per image, what the teacher took it for, and the order in which crops are learnt. */
export interface EpochPlan {
  readonly crops: readonly Crop[];
  /** The teacher's class per crop: for balancing only. */
  readonly pseudo: Int32Array;
  readonly balance: Balance;
  /** Indices into `crops`, steps x batch of them. */
  readonly order: Int32Array;
}

/** Draws one crop per unlabelled image and labels it with the teacher (evaluation mode, no augmentation). */
export async function labelEpoch(
  ws: Workspace,
  teacher: Network,
  unlabelled: readonly number[],
  epoch: number,
  options: { onProgress: (done: number, total: number) => void; signal: AbortSignal },
): Promise<{ crops: Crop[]; pseudo: Int32Array }> {
  const crops: Crop[] = [];
  const pseudo = new Int32Array(unlabelled.length);
  for (let i = 0; i < unlabelled.length; i += ws.views) {
    options.signal.throwIfAborted();
    const patches = await ws.loader.drawBatch(unlabelled.slice(i, i + ws.views), epoch, "unlabelled");
    const soft = await softmaxOf(ws, teacher, patches);
    patches.forEach(({ image, y, x }, k) => {
      crops.push({ image, y, x });
      pseudo[i + k] = argmax(soft[k] as Float32Array);
    });
    options.onProgress(Math.min(unlabelled.length, i + ws.views), unlabelled.length);
  }
  return { crops, pseudo };
}

/** The order of an epoch: draws with weight 1/count(predicted class), or a permutation where balancing is off. */
export function planEpoch(
  ws: Workspace,
  labelled: { crops: readonly Crop[]; pseudo: Int32Array },
  epoch: number,
  draws: number,
): EpochPlan {
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
