import { shiftRows, type Tape, type Tensor } from "../../engine/index.js";
import type { Network, NetworkInputs, NetworkOutputs } from "../../models/index.js";
import type { Config } from "../config/schema.js";

/** What a network is asked for: classes to report (evaluation, prediction), or pseudo-labels. */
export type Purpose = "test" | "labels";

/** The classifier that answers: ABC reports with its balanced one, and labels for the other one with the other one. */
export function headOf(outputs: NetworkOutputs, purpose: Purpose): Tensor {
  return purpose === "test" ? (outputs.balanced ?? outputs.logits) : outputs.logits;
}

/**
 * Logits of a pass in evaluation mode [N,classes]; `tape` owns them.
 * @param blank CDMAD: a blank image, whose logits are subtracted (Lee and Kim, CVPR 2024); null: nothing is
 */
export function evaluationLogits(
  tape: Tape,
  network: Network,
  inputs: NetworkInputs,
  blank: NetworkInputs | null,
  purpose: Purpose,
): Tensor {
  const logits = headOf(network.forward(tape, inputs, { training: false }), purpose);
  if (!blank) return logits;
  const bias = headOf(network.forward(tape, blank, { training: false }), purpose);
  return shiftRows(tape, logits, bias, { scale: -1 });
}

/** One patch of the blank image, grey values. */
export function blankPixels({ patch, imbalance }: Pick<Config, "patch" | "imbalance">): Uint8Array {
  return new Uint8Array(patch.size ** 2).fill(Math.round(255 * imbalance.blank));
}
