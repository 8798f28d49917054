import type { Optimizer, Tensor } from "../../engine/index.js";
import { Tape } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { stepsOf } from "../config/length.js";
import type { Config } from "../config/schema.js";
import { ofClassifier } from "../contrastiveStep.js";
import { phaseStrategy, type Strategy } from "../imbalance/strategy.js";
import { isLinearProbe } from "../methods.js";
import { RepeatedWork } from "../stepState.js";
import { SupervisedStep } from "../supervisedStep.js";
import { type HostBatch, supervisedBatch } from "./batches.js";
import { rehearseClassification } from "./classify.js";
import { compilationProgress, type Phase, type PhaseContext, phaseOptimizer } from "./phase.js";
import { learningRate, type PhaseLength, pretrainRate, supervisedLength } from "./schedule.js";
import type { SplitData, Workspace } from "./workspace.js";

/** Training of one network on L by cross-entropy: pre-training, the supervised method, fine-tuning. */
export class SupervisedPhase implements Phase {
  readonly length: PhaseLength;
  readonly kinds: Phase["kinds"];
  readonly scalars: SupervisedStep["scalars"];
  readonly optimizers: readonly [Optimizer];
  readonly evaluated: Network;
  private readonly step: SupervisedStep;
  private readonly strategy: Strategy;
  private readonly work: RepeatedWork;
  private readonly labels: Tensor;
  private readonly rebuildAt: number | null;

  constructor(
    private readonly ws: Workspace,
    private readonly data: SplitData,
    network: Network,
    readonly name: "pretrain" | "finetune",
    readonly title: string,
    readonly choosesBest: boolean,
  ) {
    const options: Config["pretrain"] | Config["finetune"] = ws.config[name];
    this.length = supervisedLength(data.split.L.length, ws.config.batch, options);
    this.kinds = { step: `${name}-step`, epoch: `${name}-epoch` };
    const { memory } = ws.config;
    // A linear probe: the network is frozen, and its classifier learns.
    const trains = isLinearProbe(ws.config) ? ofClassifier : undefined;
    this.optimizers = [phaseOptimizer(network, options.optimizer, trains)];
    const learner = { network, optimizer: this.optimizers[0] };
    this.strategy = phaseStrategy(ws, data, { labelledBalanced: options.balanced, masked: false });
    const tape = { ...memory, ...(trains && { trains }) };
    this.step = new SupervisedStep(ws.device, learner, ws.dropout, tape, this.strategy.terms);
    this.work = new RepeatedWork(ws.device, [network]);
    this.scalars = this.step.scalars;
    this.evaluated = network;
    this.labels = ws.labelTensor();
    const at = name === "pretrain" ? ws.config.pretrain.rebuildOptimizerAt : null;
    this.rebuildAt = at === null ? null : stepsOf(at, this.length);
  }

  state() {
    return { tensors: {}, arrays: {} };
  }

  prepare(context: PhaseContext): Promise<void> {
    const { ws, evaluated } = this;
    return this.work.precompile(() => {
      this.compute(ws.config.batch);
      rehearseClassification(ws, evaluated);
    }, compilationProgress(context));
  }

  async beginEpoch(): Promise<void> {}

  load(step: number): Promise<HostBatch> {
    const { balanced } = this.ws.config[this.name];
    return supervisedBatch(this.ws, this.data, {
      phase: this.name,
      step,
      stepsPerEpoch: this.length.stepsPerEpoch,
      balanced,
    });
  }

  run(step: number, batch: HostBatch): void {
    if (step === this.rebuildAt) this.optimizers[0].reset();
    const { device, augmenter } = this.ws;
    device.write(this.labels, batch.labels);
    augmenter.write(batch.pixels, batch.source, batch.views);
    this.step.prepare(this.rate(step));
    const views = batch.views.length;
    this.work.run(`${views} views`, () => this.compute(views));
  }

  stepLine(step: number, means: readonly number[]) {
    return { loss: means[0], lr: this.rate(step) };
  }

  epochLine(means: readonly number[]) {
    return { loss: means[0] };
  }

  rates(step: number) {
    return { [`${this.name}.lr`]: this.rate(step) };
  }

  release(): void {
    this.work.release();
    this.step.release();
    this.strategy.release();
    this.optimizers[0].release();
    this.ws.device.release(this.labels);
  }

  /** All GPU work of a step, from the uploaded patches on. */
  private compute(views: number): void {
    const tape = Tape.inference(this.ws.device);
    this.step.compute(this.ws.augmenter.views(tape, views), this.labels);
    tape.dispose();
  }

  private rate(step: number): number {
    const { config } = this.ws;
    return this.name === "pretrain"
      ? pretrainRate(step, config.pretrain, this.length)
      : learningRate(step, config.finetune, this.length);
  }
}
