import type { Method } from "../methods.js";

/**
 * Steps that can be profiled: an update by cross-entropy, one of teacher and student, one of FixMatch, one from several views of
 * images without labels, a prediction, finding a well's colonies.
 */
export const stepKinds = ["train", "ipb", "fixmatch", "contrastive", "predict", "detect"] as const;
export type StepKind = (typeof stepKinds)[number];

/** The step in which a method spends its time. */
export function stepOf(method: Method): StepKind {
  switch (method) {
    case "supervised":
      return "train";
    case "meta-pseudo-labels":
      return "ipb";
    case "fixmatch":
      return "fixmatch";
    default:
      return "contrastive";
  }
}
