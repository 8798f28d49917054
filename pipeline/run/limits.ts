import { mebibytes, UserError } from "../../engine/index.js";
import { type ArchitectureOptions, summarizeModel } from "../../models/index.js";
import type { Config } from "../config/schema.js";
import { largestPassOf } from "../methods.js";
import { largestTensor, trainingMemory } from "../summary/memory.js";

/** Memory of a training step on the GPU, estimated from the network's shapes. */
export interface MemoryEstimate {
  /** The largest single tensor, bytes. */
  readonly largest: number;
  /**
   * Activations that are alive at one time, bytes: of the student's pass too, while the teacher's waits; without those that
   * `memory.recompute` makes again.
   */
  readonly activations: number;
}

/** Patches of the largest forward pass of a training step. */
export function largestPass(config: Config): number {
  return largestPassOf(config.method) * config.batch;
}

/** The network that a configuration names. */
export function modelOf({ model, width, patch, featureSize, imbalance }: Config): ArchitectureOptions {
  return { model, width, input: patch.size, featureSize, balancedHead: imbalance.abc };
}

export function estimateMemory(config: Config): MemoryEstimate {
  const { method, memory, batch } = config;
  // The number of classes changes next to nothing.
  const perPatch = summarizeModel({ ...modelOf(config), classes: 4 });
  const { activations } = trainingMemory(perPatch, batch, { method, recompute: memory.recompute });
  return { largest: largestTensor(perPatch) * largestPass(config), activations };
}

/**
 * Refuses what cannot run before anything is trained.
 * @param limit bytes that the adapter binds at most
 * @throws UserError with the sizes, the limit and the batch that fits
 */
export function checkMemory(config: Config, limit: number, classes: number): void {
  const { largest } = estimateMemory(config);
  if (largest <= limit) return;
  const fits = Math.floor((limit / largest) * config.batch);
  const advice =
    fits >= 2
      ? `use --set batch=${fits} or less, or a smaller patch or width`
      : "use a smaller patch (patch.size) or width";
  throw new UserError(
    `batch is ${config.batch}: ${config.model} at ${config.patch.size} px, width ${config.width} and ${classes} classes needs a tensor of ` +
      `${mebibytes(largest)} (${largestPass(config)} patches in one pass), this adapter binds at most ${mebibytes(limit)}: ${advice}`,
  );
}
