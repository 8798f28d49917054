import type { NetworkSummary } from "../../models/index.js";
import { largestPassOf, type Method, methods } from "../methods.js";

export type { Method } from "../methods.js";

/** Memory of one training step on the GPU, bytes, estimated from the network's shapes. */
export interface TrainingMemory {
  /** Weights of all networks, padded as they are stored. */
  readonly weights: number;
  readonly gradients: number;
  /** One momentum per weight (SGD; Adam has twice that). */
  readonly optimizer: number;
  /** Outputs of layers that the backward pass needs. */
  readonly activations: number;
  /** Gradients of activations that are alive at one time. */
  readonly temporary: number;
  readonly total: number;
}

/** Gradients of the largest activations that are alive together: two, and one that is added. */
const gradientsAlive = 3;

/** What is trained, and how. */
export interface TrainingKind {
  readonly method: Method;
  /** `memory.recompute`: outputs of batch norm are made again in the backward pass. */
  readonly recompute: boolean;
}

/** @param perPatch summary of a pass of one patch */
export function trainingMemory(perPatch: NetworkSummary, batch: number, kind: TrainingKind): TrainingMemory {
  const { method, recompute } = kind;
  const { teacher, alive } = methods[method];
  const weights = (teacher ? 2 : 1) * perPatch.parameterBytes;
  const activations = alive * batch * (recompute ? keptSum(perPatch) : activationSum(perPatch));
  // What is made again is there while it is read.
  const together = gradientsAlive + (recompute ? 1 : 0);
  const temporary = together * largestPassOf(method) * batch * largestTensor(perPatch);
  const total = 3 * weights + activations + temporary;
  return { weights, gradients: weights, optimizer: weights, activations, temporary, total };
}

/** The largest batch whose step stays within `bytes`; 0 if not even one patch does. */
export function batchWithin(perPatch: NetworkSummary, bytes: number, kind: TrainingKind): number {
  const fixed = trainingMemory(perPatch, 0, kind).total;
  const each = trainingMemory(perPatch, 1, kind).total - fixed;
  return Math.max(0, Math.floor((bytes - fixed) / each));
}

/** The largest batch whose largest tensor fits one binding; 0 if the weights alone do not. */
export function batchBound(perPatch: NetworkSummary, bindingBytes: number, method: Method): number {
  if (perPatch.parameterBytes > bindingBytes) return 0;
  return Math.floor(bindingBytes / (largestTensor(perPatch) * largestPassOf(method)));
}

/** Bytes of the largest layer output of one patch. */
export function largestTensor({ layers }: NetworkSummary): number {
  return Math.max(...layers.map(({ bytes }) => bytes));
}

/** Bytes of all layer outputs of one patch. */
export function activationSum({ layers }: NetworkSummary): number {
  return layers.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Bytes of the layer outputs of one patch that recomputation keeps. */
function keptSum({ layers }: NetworkSummary): number {
  return layers.reduce((sum, { bytes, recomputable }) => sum + (recomputable ? 0 : bytes), 0);
}
