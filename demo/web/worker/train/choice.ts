/** What the visitor chooses. */
export interface TrainChoice {
  /** IPB with teacher and student, or the labelled images alone. */
  readonly method: "ipb" | "labels";
  readonly network: "vgg-compact" | "vgg19";
  readonly length: keyof typeof lengths;
  /** Further options of the configuration: lines such as `patch.size=32`. */
  readonly more: string;
}

/** Steps of each phase. A step of `train` costs as much as five of `pretrain`. */
export const lengths = {
  trial: { pretrain: 10, train: 6, finetune: 2 },
  short: { pretrain: 120, train: 60, finetune: 20 },
  normal: { pretrain: 400, train: 200, finetune: 40 },
  long: { pretrain: 1200, train: 600, finetune: 100 },
} as const;
