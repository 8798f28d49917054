import { type Optimizer, Rng, Tape, type Tensor } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { drawViews } from "../augment.js";
import { createObjective } from "../contrastive/create.js";
import type { Objective } from "../contrastive/objective.js";
import { ContrastiveStep, ofClassifier } from "../contrastiveStep.js";
import { distance } from "../data/patches.js";
import { permutation } from "../data/sampler.js";
import { RepeatedWork } from "../stepState.js";
import type { HostBatch } from "./batches.js";
import { pixelsOf, rehearseClassification } from "./classify.js";
import { type ClusterNames, nameClusters } from "./nameClusters.js";
import { compilationProgress, type Phase, type PhaseContext, phaseOptimizer } from "./phase.js";
import { contrastiveLength, learningRate, type PhaseLength } from "./schedule.js";
import type { SplitData, Workspace } from "./workspace.js";

/** Images that are looked at for the distance of adjacent patches. */
const probed = 32;

/** Learning from images without labels, those of U and of L, by several views of each: what of them, the method's objective says. */
export class ContrastivePhase implements Phase {
  readonly name = "contrastive";
  readonly title = "contrastive learning";
  readonly kinds = { step: "contrastive-step", epoch: "contrastive-epoch" };
  readonly length: PhaseLength;
  readonly optimizers: readonly [Optimizer, ...Optimizer[]];
  readonly scalars: ContrastiveStep["scalars"];
  private readonly objective: Objective;
  private readonly step: ContrastiveStep;
  private readonly work: RepeatedWork;
  private readonly images: readonly number[];
  private names: ClusterNames | null = null;

  constructor(
    private readonly ws: Workspace,
    private readonly data: SplitData,
    private readonly network: Network,
  ) {
    const { config, device } = ws;
    const { optimizer } = config.contrastive;
    this.images = [...data.split.L, ...data.split.U];
    this.length = contrastiveLength(this.images.length, config);
    this.objective = createObjective(device, config, ws.classes.length);
    const { heads, clusters } = this.objective;
    const own = phaseOptimizer(network, optimizer, (name) => clusters || !ofClassifier(name));
    const moving = Object.values(heads).map((head) => ({
      constantRate: head.constantRate,
      optimizer: phaseOptimizer(head.network, optimizer),
    }));
    this.optimizers = [own, ...moving.map((head) => head.optimizer)];
    this.step = new ContrastiveStep(device, { network, optimizer: own }, this.objective, moving, config.memory);
    this.work = new RepeatedWork(device, [network]);
    this.scalars = this.step.scalars;
  }

  /** Without clusters the classifier is as it began: there is nothing to evaluate. */
  get evaluated(): Network | null {
    return this.objective.clusters ? this.network : null;
  }

  get choosesBest(): boolean {
    return this.objective.clusters;
  }

  /** The heads: they are in no other part of a checkpoint. */
  state() {
    const tensors: Record<string, Tensor> = {};
    for (const [name, { network }] of Object.entries(this.objective.heads)) {
      tensors[`heads.${name}.values`] = network.arena.values;
      tensors[`heads.${name}.buffers`] = network.buffers.all;
    }
    return { tensors, arrays: {} };
  }

  async prepare(context: PhaseContext): Promise<void> {
    await this.work.precompile(() => {
      this.compute(this.objective.views * this.ws.config.batch);
      if (this.evaluated) rehearseClassification(this.ws, this.network);
    }, compilationProgress(context));
    if (this.ws.config.method === "simtriplet") await this.sayHowFarPatchesLie(context);
  }

  async beginEpoch(): Promise<void> {}

  /** Clusters get the names of classes, so that the network can be evaluated. */
  async finishEpoch(): Promise<void> {
    const { ws, data, network, optimizers } = this;
    if (this.objective.clusters) this.names = await nameClusters(ws, data, network, optimizers[0]);
  }

  /** All views of each of `batch` different images: first all first ones, then all second ones, and so on. */
  async load(step: number): Promise<HostBatch> {
    const { config, loader } = this.ws;
    const { patches, shown } = await this.objective.draw(loader, this.picks(step), step, this.name);
    const rng = new Rng(config.seed, `${this.name} views ${step}`);
    const views = drawViews(rng, config.augment, "unlabelled", shown.length);
    return { pixels: pixelsOf(patches), source: shown, views, labels: [] };
  }

  run(step: number, batch: HostBatch): void {
    this.ws.augmenter.write(batch.pixels, batch.source, batch.views);
    this.step.prepare(this.rate(step), this.ws.config.contrastive.lr);
    const views = batch.views.length;
    this.work.run(`${views} views`, () => this.compute(views));
  }

  stepLine(step: number, means: readonly number[]) {
    return { ...this.losses(means), lr: this.rate(step) };
  }

  epochLine(means: readonly number[]) {
    return { ...this.losses(means), ...this.names };
  }

  rates(step: number) {
    return { "contrastive.lr": this.rate(step) };
  }

  release(): void {
    this.work.release();
    this.step.release();
    for (const optimizer of this.optimizers) optimizer.release();
    this.objective.release();
  }

  private losses(means: readonly number[]): Record<string, number | undefined> {
    return Object.fromEntries(this.scalars.names.map((name, i) => [name, means[i]]));
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

  private async sayHowFarPatchesLie({ log }: PhaseContext): Promise<void> {
    const { loader, config } = this.ws;
    const pairs = await loader.drawPairs(this.images.slice(0, probed), 0, `${this.name} probe`);
    const sides = pairs.flatMap((patch, i) => (i % 2 === 0 ? [distance(patch, pairs[i + 1] ?? patch)] : []));
    const mean = sides.reduce((a, b) => a + b, 0) / sides.length / config.patch.size;
    if (mean === 0)
      log.warn(
        `images of ${config.patch.size} px have no patch beside a patch: all views of an image show the same place. Use larger images or a smaller patch (patch.size)`,
      );
    else
      log.info(`adjacent patches lie ${mean.toFixed(2)} of a patch's side away, on average of ${sides.length} images`);
  }

  private rate(step: number): number {
    return learningRate(step, this.ws.config.contrastive, this.length);
  }
}
