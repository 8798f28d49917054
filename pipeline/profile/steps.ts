import { type Device, Rng, Tape } from "../../engine/index.js";
import { pseudoLabels } from "../../engine/ops/loss.js";
import { Augmenter } from "../augment.js";
import type { Config } from "../config/schema.js";
import { createObjective } from "../contrastive/create.js";
import { ContrastiveStep, ofClassifier } from "../contrastiveStep.js";
import { computeStages } from "../detect/detect.js";
import { uploadImage } from "../detect/image.js";
import { detectDefaults } from "../detect/options.js";
import { FixMatchStep } from "../fixMatchStep.js";
import { MetaStep } from "../metaStep.js";
import { phaseOptimizer } from "../run/phase.js";
import { SupervisedStep } from "../supervisedStep.js";
import { makeFeed, makeNetwork, noise, pseudoLabelBatch, rate, type Step, viewsBatch } from "./feed.js";
import type { StepKind } from "./stepKind.js";

export type { Step } from "./feed.js";

/** @throws UserError as `createNetwork` */
export function makeStep(device: Device, config: Config, classes: number, kind: StepKind): Step {
  switch (kind) {
    case "train":
      return trainStep(device, config, classes);
    case "ipb":
      return ipbStep(device, config, classes);
    case "fixmatch":
      return fixMatchStep(device, config, classes);
    case "contrastive":
      return contrastiveStep(device, config, classes);
    case "predict":
      return predictStep(device, config, classes);
    case "detect":
      return detectStep(device, config.seed);
  }
}

function trainStep(device: Device, config: Config, classes: number): Step {
  const network = makeNetwork(device, config, classes, "teacher");
  const optimizer = phaseOptimizer(network, config.pretrain.optimizer);
  const state = device.zeros([2], "dropout state", "u32");
  const step = new SupervisedStep(device, { network, optimizer }, { p: config.dropout, state }, config.memory);
  const feed = makeFeed(device, config, pseudoLabelBatch(config, classes, 0));
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
  const feed = makeFeed(device, config, pseudoLabelBatch(config, classes, config.batch));
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

function fixMatchStep(device: Device, config: Config, classes: number): Step {
  const network = makeNetwork(device, config, classes, "student");
  const optimizer = phaseOptimizer(network, config.train.optimizer);
  const state = device.zeros([2], "dropout state", "u32");
  const dropout = { p: config.dropout, state };
  const step = new FixMatchStep(device, { network, optimizer }, config.fixmatch, dropout, config.memory);
  const feed = makeFeed(device, config, pseudoLabelBatch(config, classes, config.batch));
  return {
    capturable: true,
    prepare: () => {
      feed.write();
      step.prepare(rate);
    },
    compute: () => feed.use((inputs) => step.compute({ inputs, labels: feed.labels })),
    release: () => {
      for (const one of [step, optimizer, network, feed]) one.release();
      device.release(state);
    },
  };
}

/** SimCLR, or what else the configuration's method asks of several views. */
function contrastiveStep(device: Device, config: Config, classes: number): Step {
  const objective = createObjective(device, config, classes);
  const network = makeNetwork(device, config, classes, "student");
  const { optimizer: how } = config.contrastive;
  const optimizer = phaseOptimizer(network, how, (name) => objective.clusters || !ofClassifier(name));
  const heads = Object.values(objective.heads).map((head) => ({
    constantRate: head.constantRate,
    optimizer: phaseOptimizer(head.network, how),
  }));
  const step = new ContrastiveStep(device, { network, optimizer }, objective, heads, config.memory);
  const feed = makeFeed(device, config, viewsBatch(config, objective.views));
  return {
    capturable: true,
    prepare: () => {
      feed.write();
      step.prepare(rate);
    },
    compute: () => feed.use((inputs) => step.compute(inputs)),
    release: () => {
      for (const one of [step, optimizer, ...heads.map((head) => head.optimizer), network, objective, feed])
        one.release();
    },
  };
}

function predictStep(device: Device, config: Config, classes: number): Step {
  const network = makeNetwork(device, config, classes, "student");
  const { patch, augment, batch } = config;
  const augmenter = new Augmenter(device, { ...patch, maxViews: batch, augment });
  const pixels = noise(config, new Rng(config.seed, "profile"), batch);
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
