import type { Layer } from "./layers.js";
import type { RecipeName } from "./schema.js";

/**
 * The details of a run that asks for none. Chosen on validation parts, where it was far ahead of the article's in short runs
 * (docs/RESULTS.md); `paper` and `reference-code` repeat others' work.
 */
export const defaultRecipe: RecipeName = "small-data";

/** Values that no recipe and no preset differs in. Sources: the article, and its authors' code where that is silent. */
export const defaults: Layer = {
  config: "ipb-vgg",
  preset: "small",
  recipe: defaultRecipe,
  seed: 0,
  method: "meta-pseudo-labels",
  model: "vgg19",
  featureSize: 128,
  dropout: 0.5,
  ema: 0,
  data: {
    split: "auto",
    fold: 0,
    labelledFraction: 0.1,
    testFraction: 0.1,
    validationFraction: 0.2,
    unlabelled: ["Unlabelled"],
    multiLabel: ["MultiLabel"],
    useMultiLabel: false,
    labels: null,
    groupBy: null,
    unlabelledFrom: "U",
    supervisedOn: "L",
  },
  patch: { minForeground: 0.25, tries: 2, normalize: false },
  augment: {
    rotateProbability: 0.25,
    rotateDegrees: 180,
    brightnessProbability: 0.25,
    contrastProbability: 0.25,
    blurProbability: 0.25,
  },
  contrastive: {
    steps: null,
    stepsPerEpoch: null,
    temperature: 0.5,
    crops: "two",
    probe: false,
    lr: 0.03,
    schedule: "cosine",
    warmup: "5%",
    optimizer: {
      name: "sgd",
      momentum: 0.9,
      nesterov: false,
      weightDecay: 1e-4,
      noDecay: [],
      adamBetas: [0.9, 0.999],
    },
  },
  clustering: { temperature: 1, balanceWeight: 1, hidden: 512, size: 128, match: "recall" },
  simtriplet: { layers: 3, hidden: 512, size: 512, bottleneck: 128, predictorSchedule: "constant" },
  pretrain: { steps: null, stepsPerEpoch: null, maxSteps: null, balanced: true },
  train: { steps: null, stepsPerEpoch: null },
  meta: { balance: true, labelledBalanced: true, temperature: 1, feedbackSign: "new-old", mplWeight: 1 },
  fixmatch: { threshold: 0.95, lambdaU: 1, weak: "flips" },
  finetune: { steps: null, stepsPerEpoch: null, maxSteps: null, balanced: true },
  imbalance: {
    labels: "plain",
    labelStrength: 1,
    lossStrength: 0,
    priorDecay: 0.5,
    abc: false,
    abcThreshold: 0.95,
    abcWeight: 1,
    cdmad: false,
    blank: 1,
    blankStart: 0,
  },
  test: { patches: 1 },
  memory: { recompute: false },
  checkpointMinutes: 10,
  logEvery: 10,
  keep: "best",
  align: false,
  workers: 2,
  cacheMegabytes: 512,
};
