import { type Optimizer, Rng, Tape } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { drawViews } from "../augment.js";
import { ContrastiveStep, ofClassifier } from "../contrastiveStep.js";
import { permutation } from "../data/sampler.js";
import { RepeatedWork } from "../stepState.js";
import type { HostBatch } from "./batches.js";
import { pixelsOf } from "./classify.js";
import { compilationProgress, type Phase, type PhaseContext, phaseOptimizer } from "./phase.js";
import { contrastiveLength, learningRate, type PhaseLength } from "./schedule.js";
import type { SplitData, Workspace } from "./workspace.js";

/** Learning from images without labels, those of U and of L: two views of an image are to have similar features. */
export class ContrastivePhase implements Phase {
  readonly name = "contrastive";
  readonly title = "contrastive learning";
  readonly kinds = { step: "contrastive-step", epoch: "contrastive-epoch" };
  /** The classifier is as it began: there is nothing to evaluate. */
  readonly evaluated = null;
  readonly choosesBest = false;
  readonly length: PhaseLength;
  readonly optimizers: readonly [Optimizer];
  readonly scalars: ContrastiveStep["scalars"];
  private readonly step: ContrastiveStep;
  private readonly work: RepeatedWork;
  private readonly images: readonly number[];

  constructor(
    private readonly ws: Workspace,
    { split }: SplitData,
    network: Network,
  ) {
    const { contrastive, memory } = ws.config;
    this.images = [...split.L, ...split.U];
    this.length = contrastiveLength(this.images.length, ws.config);
    this.optimizers = [phaseOptimizer(network, contrastive.optimizer, (name) => !ofClassifier(name))];
    const learner = { network, optimizer: this.optimizers[0] };
    this.step = new ContrastiveStep(ws.device, learner, contrastive.temperature, ws.dropout, memory);
    this.work = new RepeatedWork(ws.device, [network]);
    this.scalars = this.step.scalars;
  }

  state() {
    return { tensors: {}, arrays: {} };
  }

  prepare(context: PhaseContext): Promise<void> {
    return this.work.precompile(() => this.compute(2 * this.ws.config.batch), compilationProgress(context));
  }

  async beginEpoch(): Promise<void> {}

  /** Two views of each of `batch` different images: first all first ones, then all second ones. */
  async load(step: number): Promise<HostBatch> {
    const { config, loader } = this.ws;
    const { crops } = config.contrastive;
    const images = this.picks(step);
    const patches = await loader.drawBatch(crops === "two" ? [...images, ...images] : images, step, this.name);
    const first = images.map((_, i) => i);
    const second = crops === "two" ? first.map((i) => images.length + i) : first;
    const views = drawViews(
      new Rng(config.seed, `${this.name} views ${step}`),
      config.augment,
      "unlabelled",
      2 * images.length,
    );
    return { pixels: pixelsOf(patches), source: [...first, ...second], views, labels: [] };
  }

  run(step: number, batch: HostBatch): void {
    this.ws.augmenter.write(batch.pixels, batch.source, batch.views);
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
    return { "contrastive.lr": this.rate(step) };
  }

  release(): void {
    this.work.release();
    this.step.release();
    this.optimizers[0].release();
  }

  /** Images of a step, none twice: a permutation per epoch, which begins again where the epoch is longer. */
  private picks(step: number): number[] {
    const { images, length, ws } = this;
    const { batch, seed } = ws.config;
    const order = permutation(
      images.length,
      new Rng(seed, `${this.name} epoch ${Math.floor(step / length.stepsPerEpoch)}`),
    );
    const at = (step % length.stepsPerEpoch) * batch;
    return Array.from({ length: batch }, (_, k) => images[order[(at + k) % images.length] as number] as number);
  }

  /** All GPU work of a step, from the uploaded patches on. */
  private compute(views: number): void {
    const tape = Tape.inference(this.ws.device);
    this.step.compute(this.ws.augmenter.views(tape, views));
    tape.dispose();
  }

  private rate(step: number): number {
    return learningRate(step, this.ws.config.contrastive, this.length);
  }
}
