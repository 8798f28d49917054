/** Steps that can be profiled: an update by cross-entropy, one of teacher and student, a prediction, finding a well's colonies. */
export const stepKinds = ["train", "ipb", "predict", "detect"] as const;
export type StepKind = (typeof stepKinds)[number];
