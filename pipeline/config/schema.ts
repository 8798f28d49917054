import * as z from "zod";
import { featureSizes, modelNames } from "../../models/catalogue.js";
import { methodNames } from "../methods.js";
import { countSchema, lengthSchema } from "./length.js";

/**
 * The fully resolved configuration of a run, as written to `config.json`. Every option has one line of text with its unit;
 * [text] and [code] name the source where the article and its authors' code differ. The table in docs/config.md is made
 * from this file. Sizes are in pixels, learning rates per step, probabilities and fractions from 0 to 1.
 */

const fraction = () => z.number().min(0).max(1);
const positive = () => z.number().gt(0);
const count = (min = 1) => z.int().min(min);
const names = () => z.array(z.string().min(1));

const optimizer = z.strictObject({
  name: z.enum(["sgd", "adam"]).describe("optimiser: sgd [text] or adam [code, IPB phase]"),
  momentum: fraction().describe("SGD momentum"),
  nesterov: z.boolean().describe("SGD with Nesterov momentum"),
  weightDecay: z.number().min(0).describe("L2 weight decay, added to the gradient"),
  noDecay: names().describe('parameters whose name contains one of these do not decay: [] or ["bn"] [code, IPB phase]'),
  adamBetas: z.tuple([fraction(), fraction()]).describe("Adam's decay rates of the first and second moment"),
});

const schedule = z
  .enum(["constant", "cosine"])
  .describe("learning rate after the warm-up: constant, or half a cosine down to 0");

const data = z.strictObject({
  split: z
    .enum(["auto", "benchmark", "labelled"])
    .describe(
      "benchmark hides labels to make U; labelled takes U from the unlabelled folders; auto: labelled if they exist",
    ),
  folds: count(2).describe("folds of the benchmark split; the test part is one of them: 10 [text], 5 [code]"),
  fold: count(0).describe("which fold is the test part, 0 to folds - 1"),
  labelledFraction: fraction()
    .gt(0)
    .describe("benchmark split: L and validation together, as a fraction of all labelled images"),
  testFraction: fraction().gt(0).lt(1).describe("labelled split: test part, as a fraction of the labelled images"),
  validationFraction: fraction()
    .lt(1)
    .describe("part of L set aside to choose the best student, at least one image per class"),
  unlabelled: names().describe("folders whose images have no label"),
  multiLabel: names().describe("folders whose images show several classes at once"),
  useMultiLabel: z.boolean().describe("add the multi-label images to U (the ML configurations)"),
  labels: z
    .string()
    .min(1)
    .nullable()
    .describe("CSV file (file, class) that replaces the class folders; null: use the folders"),
  groupBy: z
    .string()
    .min(1)
    .nullable()
    .describe(
      "regular expression on the file name, or CSV column: images of one group stay in one part; null: no groups",
    ),
  unlabelledFrom: z
    .enum(["U", "L"])
    .describe(
      "L: a control: the patches without labels come from the labelled images (labels hidden), as many draws and steps as with U",
    ),
  supervisedOn: z
    .enum(["L", "L+U"])
    .describe("supervised method: train on L, or on L and U with true labels (upper bound)"),
});

const patch = z.strictObject({
  size: count().describe(
    "side of the square patch, px (multi-scale: the big scale); vgg19: a multiple of 64; HRNet: of 32; vgg-compact: of 16",
  ),
  smallSize: count()
    .nullable()
    .describe("multi-scale: side of the central crop, px, half of size (ms-vgg19: 64 to 127); null: single scale"),
  minForeground: fraction().describe("least fraction of a patch that the mask must cover"),
  tries: count().describe("draws before a patch with too little foreground is kept all the same [code]"),
  normalize: z.boolean().describe("map the 0..1 input to (x - 0.485) / 0.229; the code computes this and drops it"),
});

const augment = z.strictObject({
  order: z
    .enum(["text", "code"])
    .describe(
      "text: flips, rotation, contrast, brightness, blur; code: brightness and contrast, blur, rotation, flips",
    ),
  labelled: z
    .enum(["full", "flips"])
    .describe("what labelled patches get: all augmentations [text], or flips only [code]"),
  flipProbability: fraction().describe("horizontal and vertical flip, each: 0.25 [text], 0.5 [code]"),
  rotateProbability: fraction().describe("rotation"),
  rotateDegrees: z.number().min(0).max(180).describe("rotation is uniform in +- this, degrees"),
  rotateMode: z
    .enum(["bilinear-reflect", "nearest-zero"])
    .describe("bilinear with reflected borders, or nearest with black corners [code]"),
  toneTogether: z
    .boolean()
    .describe("one draw (brightnessProbability) decides brightness and contrast together [code]"),
  brightnessProbability: fraction().describe("brightness change"),
  brightness: fraction().describe("brightness factor is uniform in 1 +- this"),
  contrastProbability: fraction().describe("contrast change"),
  contrast: fraction().describe("contrast factor is uniform in 1 +- this"),
  blurProbability: fraction().describe("3x3 Gaussian blur"),
  blurSigma: z.tuple([positive(), positive()]).describe("blur sigma is uniform between these two, px"),
});

const steps = count(0)
  .nullable()
  .describe("length of the phase in steps, in place of epochs: the same for every method and part; null: epochs");
const minSteps = count()
  .nullable()
  .describe(
    "at least so many steps, in whole epochs, for few images make short epochs; null, or epochs set without it: the epochs decide alone",
  );
const stepsPerLabelledEpoch = count()
  .nullable()
  .describe("steps of an epoch, after which the network is evaluated and saved; null: ceil(|L| / batch)");

const pretrain = z.strictObject({
  epochs: count(0).describe(
    "epochs over L: pre-training of the teacher, or the whole training of the supervised method",
  ),
  steps,
  minSteps,
  stepsPerEpoch: stepsPerLabelledEpoch,
  maxSteps: count().nullable().describe("stop after this many steps; null: no limit"),
  lr: positive().describe("learning rate"),
  balanced: z.boolean().describe("draw L with replacement, each class equally often; false: a permutation per epoch"),
  schedule,
  warmup: lengthSchema.describe("linear warm-up from 0"),
  lrDropAt: lengthSchema
    .nullable()
    .describe("multiply the learning rate by lrDropFactor from here on: epoch 100 of 200 [code]; null: never"),
  lrDropFactor: positive().describe("factor of lrDropAt"),
  rebuildOptimizerAt: lengthSchema
    .nullable()
    .describe("forget the optimiser's momentum here: epoch 100 of 200 [code]; null: never"),
  optimizer,
});

const train = z.strictObject({
  epochs: count(0).describe("epochs over U of the teacher-student phase"),
  steps,
  minSteps,
  stepsPerEpoch: count()
    .nullable()
    .describe("steps of an epoch; null: ceil(|U| / batch), each unlabelled image once in expectation"),
  teacherLr: positive().describe("learning rate of the teacher"),
  studentLr: positive().describe("learning rate of the student"),
  schedule,
  scheduleLength: lengthSchema.describe("steps over which the cosine falls to 0: 300000 [code]; 100% is the phase"),
  cosineRiseAgain: z.boolean().describe("let the cosine rise again after scheduleLength [code]; false: it stays 0"),
  teacherWarmup: lengthSchema.describe("linear warm-up of the teacher's learning rate from 0"),
  studentWarmup: lengthSchema.describe(
    "linear warm-up of the student's learning rate from 0: 10 of 200 epochs [text], 0 [code]",
  ),
  studentWait: lengthSchema.describe("the student's learning rate is 0 for this long, before its warm-up"),
  optimizer,
});

const meta = z.strictObject({
  balance: z
    .boolean()
    .describe("pseudo-label balancing of U at each epoch; false: a permutation of U per epoch (mpl-imbalanced)"),
  minClassCount: countSchema.describe(
    "a patch weighs 1 / max(this, count of its predicted class): clamps very rare classes",
  ),
  labelledBalanced: z.boolean().describe("draw the L batches with replacement, each class equally often"),
  temperature: positive().describe("soft labels are softmax(teacher logits / temperature)"),
  threshold: fraction().describe("least confidence of a pseudo-label: 0.65 [text], 0.5 [code]"),
  studentMask: z.boolean().describe("patches below the threshold are kept from the student too [text]"),
  studentSupervised: z.boolean().describe("the student's loss also has the cross-entropy on the L batch"),
  lambdaU: z.number().min(0).describe("weight of the teacher's consistency (UDA) loss after the ramp"),
  udaSteps: lengthSchema.describe("length of the linear ramp of lambdaU"),
  rampOffset: z.union([z.literal(1), z.literal(2)]).describe("the ramp is (step + this) / udaSteps: 1, or 2 [code]"),
  mplWeight: z.number().min(0).describe("factor of the feedback (meta pseudo label) loss; 0 switches it off"),
  feedbackSign: z
    .enum(["new-old", "old-new"])
    .describe("feedback = new - old labelled loss of the student [code], or old - new (the derivation)"),
  feedbackBn: z
    .enum(["mixed", "same"])
    .describe("batch statistics of old and new: L and U against L alone [code], or L alone for both"),
  feedbackBaseline: fraction()
    .lt(1)
    .nullable()
    .describe("subtract a moving average of the feedback with this decay; null: none"),
  extraStudentForward: z
    .boolean()
    .describe("the code's unused extra student forward, which moves batch norm statistics [code]"),
});

const contrastive = z.strictObject({
  epochs: count(0).describe("epochs over L and U"),
  steps,
  stepsPerEpoch: count()
    .nullable()
    .describe(
      "steps of an epoch; null: ceil((|L| + |U|) / batch), each image once; an image is never twice in a batch",
    ),
  temperature: positive().describe("divisor of the cosine similarities: 0.5, or 0.1, in the source"),
  crops: z
    .enum(["two", "one"])
    .describe("the two views show two random crops of the image, as in the source, or one and the same"),
  probe: z
    .boolean()
    .describe(
      "linear probe: on L only the classifier learns, behind frozen features, and nothing is fine-tuned (HRNet: linear; VGG: three layers); false: all weights",
    ),
  lr: positive().describe("learning rate; the source's rule, 0.3 x batch / 256, gives 0.0375 at batch 32"),
  schedule,
  warmup: lengthSchema.describe("linear warm-up from 0: 10 epochs in the source"),
  optimizer,
});

const clustering = z.strictObject({
  temperature: positive().describe("divisor of the cosine similarities between clusters: 1 in the source"),
  balanceWeight: z
    .number()
    .min(0)
    .describe("weight of what the entropy of the clusters' sizes lacks: 1 in the source; 0 lets one cluster take all"),
  hidden: count(2).describe("instance head: length of its hidden layer; as many as features, 512, in the source"),
  size: count(2).describe("instance head: length of the vectors that NT-Xent compares: 128 in the source"),
  match: z
    .enum(["recall", "count"])
    .describe(
      "clusters get the classes that give the largest mean recall on L, so that rare classes count as much as common ones, or the most right images, as the source counts",
    ),
});

const simtriplet = z.strictObject({
  layers: count(2).describe("layers of the projection: 3 in the source's code, each with batch norm"),
  hidden: count(2).describe("projection: length of its hidden layers: 2048 in the source"),
  size: count(2).describe("length of the vectors that are compared: 2048 in the source"),
  bottleneck: count(2).describe("predictor: length of its hidden layer, a quarter of size as in the source (512)"),
  predictorSchedule: z
    .enum(["constant", "same"])
    .describe("learning rate of the predictor: constant, as in the source's code, or the same as all others'"),
});

const fixmatch = z.strictObject({
  threshold: fraction().describe("least confidence of a pseudo-label: 0.95 in the source"),
  lambdaU: z.number().min(0).describe("weight of the loss on U: 1 in the source, without a ramp"),
  weak: z
    .enum(["flips", "full"])
    .describe("view that is labelled: flips alone, or all changes; the view that is learnt has all changes"),
});

const imbalance = z.strictObject({
  labels: z
    .enum(["plain", "debiased", "posterior"])
    .describe(
      "class prior in pseudo-labels: plain: as the network says; debiased: what it has from its training is taken out; posterior: and that of U is put in",
    ),
  labelStrength: z.number().min(0).describe("factor of the log prior in debiased and posterior labels (tau); 1: Bayes"),
  lossStrength: z
    .number()
    .min(0)
    .describe(
      "factor of the log prior that is added to the logits in losses on labels and pseudo-labels; 1: Bayes; 0: off",
    ),
  priorDecay: fraction().describe("the class prior of U is a moving average over epochs with this decay; 1: that of L"),
  abc: z.boolean().describe("auxiliary balanced classifier: a second, linear one on the features, which is tested"),
  abcThreshold: fraction().describe("least confidence of its own pseudo-labels: 0.95 in the source"),
  abcWeight: z.number().min(0).describe("factor of its losses: 1 in the source"),
  cdmad: z.boolean().describe("subtract the logits of a blank image, in pseudo-labels and in the test"),
  blank: fraction().describe("grey value of the blank image: 1, white, in the source"),
  blankStart: lengthSchema.describe(
    "pseudo-labels are as they are for this long: 100 of 500 epochs in the source; the test always subtracts",
  ),
});

const finetune = z.strictObject({
  enabled: z.boolean().describe("fine-tune the best student on L before the test; supervised runs likewise"),
  epochs: count(0).describe("epochs over L"),
  steps,
  minSteps,
  stepsPerEpoch: stepsPerLabelledEpoch,
  maxSteps: count().nullable().describe("stop after this many steps; null: no limit"),
  lr: positive().describe("learning rate: 3e-5 [code]"),
  balanced: z.boolean().describe("draw L with replacement, each class equally often"),
  schedule,
  warmup: lengthSchema.describe("linear warm-up from 0"),
  optimizer,
});

/** The three sizes and the three sets of details that every configuration can be combined with. */
export const presetNames = ["tiny", "small", "full"] as const;
export type PresetName = (typeof presetNames)[number];
export const recipeNames = ["paper", "reference-code", "small-data"] as const;
export type RecipeName = (typeof recipeNames)[number];

/** Schema of {@link Config}; unknown keys are refused. */
export const configSchema = z.strictObject({
  config: z.string().min(1).describe("name of the configuration, used in reports and for the run folder"),
  preset: z.enum(presetNames).describe("size: tiny (CPU), small, full (the article's, a GPU)"),
  recipe: z
    .enum(recipeNames)
    .describe("details of the method: paper [text], reference-code [code], small-data (this project's study)"),
  seed: z.int().min(0).max(0xffffffff).describe("seed of every random choice"),
  method: z
    .enum(methodNames)
    .describe(
      "supervised: train on L only (the pretrain section); meta-pseudo-labels: teacher and student; simclr and simtriplet: features from U and L without labels, then train on L; contrastive-clustering: clusters of U and L without labels, named by L; fixmatch: one network, pseudo-labels",
    ),
  model: z.enum(modelNames).describe("network of teacher and student; ms- is multi-scale"),
  featureSize: z
    .literal(featureSizes)
    .describe("HRNet only: length of a scale's feature vector: 128 [code], 512 [text]; VGG19 has 128"),
  width: positive().max(4).describe("factor on the network's channel counts; 64 x width must be a whole number"),
  initialisation: z
    .enum(["kaiming", "reference-code"])
    .describe("random weights: He et al. everywhere [text], or linear layers from N(0, 0.01) [code]"),
  dropout: fraction().lt(1).describe("dropout of the classifier"),
  batch: count().describe("labelled patches, and unlabelled patches, of one step"),
  ema: fraction().lt(1).describe("evaluate a moving average of the student's weights with this decay; 0: off"),
  data: data.describe("images, labels and split"),
  patch: patch.describe("what is cut from an image"),
  augment: augment.describe("random changes of a patch; every probability is per patch and independent unless stated"),
  contrastive: contrastive.describe(
    "what the methods simclr, contrastive-clustering and simtriplet begin with. simclr: NT-Xent on two views of each image (Chen et al., A simple framework for contrastive learning of visual representations, ICML 2020), " +
      "on the network's features; then the pretrain section trains on L. Differs from the source: SGD instead of LARS, batches of tens instead of thousands, " +
      "the crops and changes of this project (no colours, no resized crops), and the classifier reads the projection, which belongs to these networks",
  ),
  clustering: clustering.describe(
    "method contrastive-clustering (Li et al., Contrastive clustering, AAAI 2021): NT-Xent between two views of each image behind an instance head, with " +
      "contrastive.temperature, and between the columns of the two assignment matrices, whose clusters are the network's classes; the contrastive section gives length, " +
      "rates (the named configuration sets the source's: Adam, constant 0.0003, no decay) and crops. After each epoch clusters are matched one to one to classes " +
      "by the images of L, and the classifier's outputs put into that order, so that a cluster is always named; labels are used for nothing else before the finetune section " +
      "(finetune.enabled false: the source's protocol). There are as many clusters as classes: one that no image of L falls into gets a class that is left over. Differs from the source: " +
      "the cluster head is the network's own classifier, without dropout, both views share the statistics of a batch, batches of tens instead of 256, the changes of this project, the epoch of best validation instead of the last, and clusters are matched on L, not on all images",
  ),
  simtriplet: simtriplet.describe(
    "method simtriplet (Liu et al., SimTriplet, MICCAI 2021, on SimSiam, Chen & He, CVPR 2021): two views of a patch and one of a patch beside it are to predict each " +
      "other's projections; negative cosine similarity with stopped gradients, half the sum of both directions for either pair. The patch beside lies one side away in a direction " +
      "in which image and mask allow that, else as far away as they allow; in images of patch size it is the same patch. The contrastive section gives length, rates, and probe " +
      "(temperature and crops have no part); then the pretrain section trains on L. Differs from the source: smaller heads, all views share the statistics of a batch, " +
      "contrastive.lr is the project's and not SimSiam's 0.05 x batch / 256, smaller batches, a short warm-up, single precision, and the changes of this project",
  ),
  pretrain: pretrain.describe("teacher pre-training; the supervised method trains here"),
  train: train.describe("teacher-student phase"),
  meta: meta.describe("one step of the teacher-student phase"),
  fixmatch: fixmatch.describe(
    "method fixmatch: one network, confident labels of weak views teach strong ones, without a meta step (Sohn et al., FixMatch, NeurIPS 2020). The pretrain " +
      "section trains it on L first (pretrain.epochs 0: not, as in the source), the train section gives epochs and the student's learning rate, and " +
      "meta.balance, meta.minClassCount and meta.labelledBalanced draw the batches as for IPB. Differs from the source: as many unlabelled patches in a batch as labelled ones, not seven times as many, and the changes of this project instead of RandAugment; ema is off unless set",
  ),
  imbalance: imbalance.describe(
    "strategies against class imbalance, for every method with labels; off by default. Logit adjustment: Menon et al., Long-tail learning via logit adjustment, ICLR 2021, " +
      "with the prior of U re-estimated from pseudo-labels (posterior labels with lossStrength 1: as SimPro, Du et al., ICML 2024). The prior is that of what is drawn, so under balanced drawing " +
      "(meta.balance, labelledBalanced, balanced) there is nothing to adjust. ABC: Lee et al., NeurIPS 2021, a sample stays with probability (rarest class / its class) " +
      "of what is drawn; one strong view in place of two. CDMAD: Lee and Kim, CVPR 2024; here the blank image passes in evaluation mode",
  ),
  finetune: finetune.describe("last phase of the student on L"),
  test: z
    .strictObject({ patches: count().describe("patches averaged per test image; 1 is the central crop") })
    .describe("evaluation"),
  memory: z
    .strictObject({
      recompute: z
        .boolean()
        .describe(
          "compute outputs of batch norm a second time in backward: less memory, longer steps, the same results",
        ),
    })
    .describe("memory of a training step on the GPU"),
  keep: z
    .enum(["best", "last"])
    .describe(
      "student that is tested: the best epoch on the validation part [text], or the last one, the steadier choice where that part is small and the learning rate falls to 0",
    ),
  align: z
    .boolean()
    .describe(
      "before the test, shift the classes' logits so that U is predicted in the class proportions of L: only where L is a random sample of the same images. Corrects that rare classes, remembered rather than learnt, are given too seldom",
    ),
  checkpointMinutes: positive().describe("longest time between two checkpoints, minutes"),
  logEvery: count().describe("steps between two lines of metrics"),
  workers: count(0).max(64).describe("threads that decode images; 0: decode in the main thread"),
  cacheMegabytes: z.number().min(0).describe("decoded images kept in memory, MB"),
});

/** The fully resolved configuration of a run. */
export type Config = z.infer<typeof configSchema>;
export type OptimizerConfig = z.infer<typeof optimizer>;
