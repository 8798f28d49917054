import type { Layer } from "./layers.js";
import type { OptimizerConfig, RecipeName } from "./schema.js";

/** SGD of the text: momentum 0.9, weight decay 1e-4 on every parameter. */
const sgd: OptimizerConfig = {
  name: "sgd",
  momentum: 0.9,
  nesterov: false,
  weightDecay: 1e-4,
  noDecay: [],
  adamBetas: [0.9, 0.999],
};

/** The article's text; where it is silent, the authors' code. Percentages are shares of the text's 200 epochs. */
const paper: Layer = {
  initialisation: "kaiming",
  data: { folds: 10 },
  augment: {
    order: "text",
    labelled: "full",
    flipProbability: 0.25,
    rotateMode: "bilinear-reflect",
    toneTogether: false,
  },
  pretrain: {
    minSteps: null,
    lr: 0.005,
    schedule: "constant",
    warmup: 0,
    lrDropAt: "50%",
    lrDropFactor: 0.1,
    rebuildOptimizerAt: null,
    optimizer: sgd,
  },
  train: {
    minSteps: null,
    teacherLr: 0.005,
    studentLr: 0.005,
    schedule: "cosine",
    scheduleLength: 300_000,
    cosineRiseAgain: false,
    teacherWarmup: 0,
    studentWarmup: "5%",
    studentWait: 0,
    optimizer: sgd,
  },
  meta: {
    minClassCount: 1,
    threshold: 0.65,
    studentMask: true,
    studentSupervised: false,
    lambdaU: 8,
    udaSteps: 5000,
    rampOffset: 1,
    feedbackBn: "mixed",
    feedbackBaseline: null,
    extraStudentForward: false,
  },
  finetune: {
    minSteps: null,
    enabled: true,
    lr: 3e-5,
    schedule: "constant",
    warmup: 0,
    optimizer: { ...sgd, nesterov: true, weightDecay: 0 },
  },
};

/** The authors' code, quirks included. */
const referenceCode: Layer = {
  ...paper,
  initialisation: "reference-code",
  data: { folds: 5 },
  augment: {
    order: "code",
    labelled: "flips",
    flipProbability: 0.5,
    rotateMode: "nearest-zero",
    toneTogether: true,
  },
  pretrain: { ...paper.pretrain, rebuildOptimizerAt: "50%" },
  train: {
    ...paper.train,
    cosineRiseAgain: true,
    studentWarmup: 0,
    optimizer: { ...sgd, name: "adam", noDecay: ["bn"] },
  },
  meta: { ...paper.meta, threshold: 0.5, studentMask: false, rampOffset: 2, extraStudentForward: true },
};

/**
 * What a study at small budgets found to work: a teacher trained to convergence that then moves slowly, a student that
 * also learns from the labels, a weak consistency loss with a ramp that fits the run, and a centred feedback.
 */
const smallData: Layer = {
  ...paper,
  pretrain: {
    ...paper.pretrain,
    minSteps: 1000,
    lr: 0.01,
    schedule: "cosine",
    warmup: "3%",
    lrDropAt: null,
    optimizer: { ...sgd, weightDecay: 5e-4 },
  },
  train: {
    ...paper.train,
    minSteps: 1000,
    teacherLr: 0.001,
    studentLr: 0.01,
    scheduleLength: "100%",
    teacherWarmup: "3%",
    studentWarmup: "3%",
    optimizer: { ...sgd, weightDecay: 5e-4 },
  },
  meta: {
    ...paper.meta,
    minClassCount: "1%",
    studentSupervised: true,
    lambdaU: 1,
    udaSteps: "50%",
    feedbackBn: "same",
    feedbackBaseline: 0.99,
  },
  finetune: {
    ...paper.finetune,
    minSteps: 150,
    lr: 0.001,
    schedule: "cosine",
    optimizer: { ...sgd, weightDecay: 5e-4 },
  },
};

/** What each `--recipe` sets. */
export const recipes: Record<RecipeName, Layer> = {
  paper,
  "reference-code": referenceCode,
  "small-data": smallData,
};
