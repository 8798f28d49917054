import { type Device, Rng, Tape } from "../../engine/index.js";
import { pseudoLabels } from "../../engine/ops/loss.js";
import { createNetwork, type Network } from "../../models/index.js";
import { Augmenter, drawViews, type ViewParameters } from "../augment.js";
import type { Config } from "../config/schema.js";
import { computeStages, detectDefaults } from "../detect/detect.js";
import { uploadImage } from "../detect/image.js";
import { MetaStep } from "../metaStep.js";
import { phaseOptimizer } from "../run/phase.js";
import { SupervisedStep } from "../supervisedStep.js";
import type { StepKind } from "./stepKind.js";

/** A step on patches of noise: what a kernel takes does not depend on what they show. */
export interface Step {
  /** The host's part: writes what the GPU's part reads. */
  prepare(): void;
  /** The GPU's part. */
  compute(): void;
  /** Whether `compute` can be captured, as training runs do. */
  readonly capturable: boolean;
  release(): void;
}

/** Patches of a step, their views and labels; all steps take the same. */
interface NoiseBatch {
  readonly pixels: Uint8Array;
  readonly source: readonly number[];
  readonly views: ViewParameters;
  readonly labels: readonly number[];
}

/** So small that weights stay finite over any number of steps on noise. */
const rate = 1e-5;

/** @throws UserError as `createNetwork` */
export function makeStep(device: Device, config: Config, classes: number, kind: StepKind): Step {
  if (kind === "detect") return detectStep(device, config.seed);
  if (kind === "predict") return predictStep(device, config, classes);
  return kind === "train" ? trainStep(device, config, classes) : ipbStep(device, config, classes);
}

function trainStep(device: Device, config: Config, classes: number): Step {
  const network = makeNetwork(device, config, classes, "teacher");
  const optimizer = phaseOptimizer(network, config.pretrain.optimizer);
  const state = device.zeros([2], "dropout state", "u32");
  const step = new SupervisedStep(device, { network, optimizer }, { p: config.dropout, state }, config.memory);
  const feed = makeFeed(device, config, classes, 0);
  return {
    capturable: true,
    prepare: () => {
      feed.write();
      step.prepare(rate);
    },
    compute: () => feed.use((inputs) => step.compute(inputs, feed.labels)),
    release: () => {
      for (const one of [step, optimizer, network, feed]) one.release();
      device.release(state);
    },
  };
}

function ipbStep(device: Device, config: Config, classes: number): Step {
  const learners = (["teacher", "student"] as const).map((label) => {
    const network = makeNetwork(device, config, classes, label);
    return { network, optimizer: phaseOptimizer(network, config.train.optimizer) };
  });
  const [teacher, student] = learners as [(typeof learners)[0], (typeof learners)[0]];
  const state = device.zeros([2], "dropout state", "u32");
  const step = new MetaStep(device, teacher, student, config.meta, { p: config.dropout, state }, config.memory);
  const feed = makeFeed(device, config, classes, config.batch);
  const rates = { teacherLr: rate, studentLr: rate, udaWeight: config.meta.lambdaU };
  return {
    capturable: true,
    prepare: () => {
      feed.write();
      step.prepare(rates);
    },
    compute: () => feed.use((inputs) => step.compute({ inputs, labels: feed.labels })),
    release: () => {
      for (const { network, optimizer } of learners) for (const one of [optimizer, network]) one.release();
      for (const one of [step, feed]) one.release();
      device.release(state);
    },
  };
}

function predictStep(device: Device, config: Config, classes: number): Step {
  const network = makeNetwork(device, config, classes, "student");
  const { patch, augment, batch } = config;
  const augmenter = new Augmenter(device, { ...patch, maxViews: batch, augment });
  const { pixels } = noise(config, classes, 0);
  return {
    capturable: false,
    prepare: () => {},
    compute: () => {
      const tape = Tape.inference(device);
      const inputs = augmenter.plain(tape, pixels, batch);
      pseudoLabels(tape, network.forward(tape, inputs, { training: false }).logits);
      tape.dispose();
    },
    release: () => {
      network.release();
      augmenter.dispose();
    },
  };
}

/** Side of a whole well in the article, px. */
export const wellSide = 2908;

/** Detection in a well with the article's parameters: grains in a checkerboard, so that there are objects of many sizes. */
function detectStep(device: Device, seed: number): Step {
  const rng = new Rng(seed, "profile well");
  const inside = (i: number) => (((i % wellSide) >> 8) + ((i / wellSide) >> 8)) % 3 === 0;
  const pixels = Uint8Array.from({ length: wellSide ** 2 }, (_, i) => 110 + (inside(i) ? 64 : 4) * rng.uniform());
  return {
    capturable: false,
    prepare: () => {},
    compute: () => computeStages(device, uploadImage(device, pixels, wellSide, wellSide), detectDefaults).release(),
    release: () => {},
  };
}

function makeNetwork(device: Device, config: Config, classes: number, label: string): Network {
  const { model, width, patch, seed, initialisation } = config;
  return createNetwork(device, { model, width, input: patch.size, classes, seed, label, initialisation });
}

/** Uploads and augments a batch for each step, as a training run does. @param unlabelled patches beside the labelled ones */
function makeFeed(device: Device, config: Config, classes: number, unlabelled: number) {
  const { patch, augment, batch } = config;
  const data = noise(config, classes, unlabelled);
  const augmenter = new Augmenter(device, { ...patch, maxViews: data.source.length, augment });
  const labels = device.zeros([batch], "labels", "u32");
  return {
    labels,
    write(): void {
      device.write(labels, data.labels);
      augmenter.write(data.pixels, data.source, data.views);
    },
    use(compute: (inputs: ReturnType<Augmenter["views"]>) => void): void {
      const tape = Tape.inference(device);
      compute(augmenter.views(tape, data.views.length));
      tape.dispose();
    },
    release(): void {
      augmenter.dispose();
      device.release(labels);
    },
  };
}

/** METHOD: cat(l, uw, us): each unlabelled patch is seen twice. */
function noise({ patch, batch, augment, seed }: Config, classes: number, unlabelled: number): NoiseBatch {
  const rng = new Rng(seed, "profile");
  const first = Array.from({ length: batch }, (_, i) => i);
  const second = Array.from({ length: unlabelled }, (_, i) => batch + i);
  const pixels = Uint8Array.from({ length: (batch + unlabelled) * patch.size ** 2 }, () => 256 * rng.uniform());
  const views = [
    ...drawViews(rng, augment, "labelled", batch),
    ...drawViews(rng, augment, "unlabelled", 2 * unlabelled),
  ];
  return { pixels, source: [...first, ...second, ...second], views, labels: first.map((i) => i % classes) };
}
