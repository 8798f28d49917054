import { lrFactor } from "../../engine/index.js";
import { type Length, stepsOf } from "../config/length.js";
import type { Config } from "../config/schema.js";

/** Length of a phase in steps. */
export interface PhaseLength {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
}

/** How a configuration gives a phase's length: `steps` wins over `epochs`, which `minSteps` prolongs. */
interface LengthOptions {
  readonly epochs: number;
  readonly steps: number | null;
  readonly minSteps?: number | null;
  readonly stepsPerEpoch: number | null;
}

function phaseLength(images: number, batch: number, options: LengthOptions): PhaseLength {
  const stepsPerEpoch = options.stepsPerEpoch ?? Math.ceil(images / batch);
  const least = options.epochs === 0 ? 0 : Math.ceil((options.minSteps ?? 0) / stepsPerEpoch);
  const epochs = Math.max(options.epochs, least);
  return { stepsPerEpoch, totalSteps: options.steps ?? epochs * stepsPerEpoch };
}

/** Length of a phase over `images` labelled images. */
export function supervisedLength(
  images: number,
  batch: number,
  options: LengthOptions & { readonly maxSteps: number | null },
): PhaseLength {
  const { stepsPerEpoch, totalSteps } = phaseLength(images, batch, options);
  return { stepsPerEpoch, totalSteps: Math.min(totalSteps, options.maxSteps ?? Number.POSITIVE_INFINITY) };
}

/** Length of the teacher-student phase over `images` unlabelled images. */
export function metaLength(images: number, { batch, train }: Pick<Config, "batch" | "train">): PhaseLength {
  return phaseLength(images, batch, train);
}

/** Length of contrastive learning over `images` images with and without labels. */
export function contrastiveLength(
  images: number,
  { batch, contrastive }: Pick<Config, "batch" | "contrastive">,
): PhaseLength {
  return phaseLength(images, batch, contrastive);
}

interface RateOptions {
  readonly lr: number;
  readonly schedule: "constant" | "cosine";
  readonly warmup: Length;
  readonly wait?: Length;
  readonly scheduleLength?: Length;
  readonly riseAgain?: boolean;
}

/** Learning rate of a step, counted from 0. */
export function learningRate(step: number, options: RateOptions, phase: PhaseLength): number {
  const [warmup, wait] = [stepsOf(options.warmup, phase), stepsOf(options.wait ?? 0, phase)];
  if (options.schedule === "cosine") {
    const total = stepsOf(options.scheduleLength ?? "100%", phase);
    return options.lr * lrFactor(step, { total, warmup, wait, riseAgain: options.riseAgain ?? false });
  }
  if (step < wait) return 0;
  return step < warmup + wait ? (options.lr * step) / (warmup + wait) : options.lr;
}

export function teacherRate(step: number, train: Config["train"], phase: PhaseLength): number {
  const { teacherLr: lr, schedule, teacherWarmup: warmup, scheduleLength, cosineRiseAgain: riseAgain } = train;
  return learningRate(step, { lr, schedule, warmup, scheduleLength, riseAgain }, phase);
}

export function studentRate(step: number, train: Config["train"], phase: PhaseLength): number {
  const {
    studentLr: lr,
    schedule,
    studentWarmup: warmup,
    studentWait: wait,
    scheduleLength,
    cosineRiseAgain: riseAgain,
  } = train;
  return learningRate(step, { lr, schedule, warmup, wait, scheduleLength, riseAgain }, phase);
}

export function pretrainRate(step: number, pretrain: Config["pretrain"], phase: PhaseLength): number {
  const drop = pretrain.lrDropAt !== null && step >= stepsOf(pretrain.lrDropAt, phase) ? pretrain.lrDropFactor : 1;
  return drop * learningRate(step, pretrain, phase);
}
