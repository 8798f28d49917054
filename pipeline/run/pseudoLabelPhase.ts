import { type Optimizer, Tape, type Tensor, UserError, updateAverage } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { stepsOf } from "../config/length.js";
import { countClasses } from "../data/sampler.js";
import { hiddenLabels } from "../data/split.js";
import { pseudoQuality } from "../imbalance/pseudoQuality.js";
import { isOn, type Priors, type Strategy } from "../imbalance/strategy.js";
import type { MetaBatch } from "../metaStep.js";
import { RepeatedWork, type StepScalars } from "../stepState.js";
import { type HostBatch, metaBatch, type WeakViews } from "./batches.js";
import type { StateTensors } from "./checkpoint.js";
import { rehearseClassification } from "./classify.js";
import {
  type EpochPlan,
  type LabelledCrops,
  type LabelRule,
  labelEpoch,
  planEpoch,
  plannedImages,
} from "./epochPlan.js";
import { compilationProgress, type Phase, type PhaseContext } from "./phase.js";
import { metaLength, type PhaseLength } from "./schedule.js";
import type { SplitData, Workspace } from "./workspace.js";

/** What tells methods apart that learn from pseudo-labels: the step. Epochs, crops, balancing and batches are the same for all. */
export interface PseudoLabelMethod {
  readonly title: string;
  /** Labels the crops of an epoch, for balancing. */
  readonly labeller: Network;
  /** How it labels, in a step and for balancing. */
  readonly rule: LabelRule;
  readonly student: Network;
  /** All networks whose forward passes a step runs. */
  readonly networks: readonly Network[];
  readonly optimizers: readonly Optimizer[];
  readonly scalars: StepScalars<string>;
  /** What a checkpoint must hold beyond networks and optimisers. */
  readonly tensors: StateTensors;
  /** Its strategy against imbalance, which the phase releases. */
  readonly strategy: Strategy;
  /** The first view of an unlabelled patch. */
  readonly weak: WeakViews;
  /** Weight of the labeller's loss on U beside that on L, at a step. */
  unlabelledWeight(step: number): number;
  /** The host's part of a step. */
  prepare(step: number): void;
  /** The GPU's part of a step, on cat(l, uw, us). */
  compute(batch: MetaBatch): void;
  stepLine(step: number, means: readonly number[]): Record<string, unknown>;
  epochLine(means: readonly number[]): Record<string, unknown>;
  rates(step: number): Record<string, number>;
  release(): void;
}

/** Learning from U by pseudo-labels: labelling and balancing at each epoch, then the method's steps. */
export class PseudoLabelPhase implements Phase {
  readonly name = "train";
  readonly kinds = { step: "step", epoch: "epoch" };
  readonly choosesBest = true;
  readonly title: string;
  readonly length: PhaseLength;
  readonly optimizers: readonly Optimizer[];
  readonly scalars: StepScalars<string>;
  private readonly work: RepeatedWork;
  private readonly labels: Tensor;
  private plan: EpochPlan | null = null;
  /** Class priors of the epoch; null where no strategy needs them. */
  private priors: Priors | null = null;
  /** Steps in which pseudo-labels are as they are, before a blank image's logits are subtracted. */
  private readonly blankStart: number;

  /** @param average the student's moving average, evaluated in its place; null: off */
  constructor(
    private readonly ws: Workspace,
    private readonly data: SplitData,
    private readonly method: PseudoLabelMethod,
    private readonly average: Network | null,
  ) {
    this.title = method.title;
    this.length = metaLength(data.split.U.length, ws.config);
    this.optimizers = method.optimizers;
    this.scalars = method.scalars;
    this.work = new RepeatedWork(ws.device, method.networks);
    this.labels = ws.labelTensor();
    this.blankStart = stepsOf(ws.config.imbalance.blankStart, this.length);
  }

  get evaluated(): Network {
    return this.average ?? this.method.student;
  }

  state() {
    const { crops = [], pseudo = new Int32Array(), sure = new Int32Array() } = this.plan ?? {};
    const column = (key: "image" | "y" | "x") => Int32Array.from(crops, (crop) => crop[key]);
    const arrays = {
      "plan.image": column("image"),
      "plan.y": column("y"),
      "plan.x": column("x"),
      "plan.pseudo": pseudo,
      "plan.sure": sure,
    };
    return { tensors: { ...this.method.tensors, ...this.method.strategy.tensors }, arrays };
  }

  prepare(context: PhaseContext): Promise<void> {
    const { ws, method } = this;
    return this.work.precompile(() => {
      this.compute(3 * ws.config.batch);
      rehearseClassification(ws, method.labeller);
    }, compilationProgress(context));
  }

  async beginEpoch(
    epoch: number,
    context: PhaseContext,
    restore: ((name: string) => Int32Array | null) | null,
  ): Promise<void> {
    const saved = restore && restoredPlan(restore);
    const labelled = saved ?? (await this.label(epoch, context));
    this.plan = planEpoch(this.ws, labelled, epoch, this.length.stepsPerEpoch * this.ws.config.batch);
    this.priors = await this.estimatePriors(this.plan, epoch, saved !== null);
    const { neverPredicted } = this.plan.balance;
    if (neverPredicted.length > 0) {
      const who = this.method.labeller === this.method.student ? "student" : "teacher";
      const names = neverPredicted.map((c) => this.ws.classes[c]).join(", ");
      context.log.warn(
        `epoch ${epoch + 1}: the ${who} took no patch for ${names}: no patch of ${neverPredicted.length === 1 ? "this class" : "these classes"} is learnt in this epoch`,
      );
    }
  }

  load(step: number): Promise<HostBatch> {
    if (!this.plan) throw new UserError("the epoch has not begun");
    const options = {
      phase: this.name,
      step,
      stepsPerEpoch: this.length.stepsPerEpoch,
      balanced: this.ws.config.meta.labelledBalanced,
    } as const;
    return metaBatch(this.ws, this.data, this.plan, options, this.method.weak);
  }

  run(step: number, batch: HostBatch): void {
    const { device, augmenter } = this.ws;
    device.write(this.labels, batch.labels);
    augmenter.write(batch.pixels, batch.source, batch.views);
    this.method.prepare(step);
    this.method.strategy.prepare(step >= this.blankStart);
    const views = batch.views.length;
    this.work.run(`${views} views`, () => this.compute(views));
    // The average begins as the student, so that it holds no random weights.
    if (step === 0) this.average?.copyFrom(this.method.student);
  }

  stepLine(step: number, means: readonly number[]) {
    return this.method.stepLine(step, means);
  }

  epochLine(means: readonly number[]) {
    const { crops, pseudo, sure, balance } = this.plan as EpochPlan;
    const { classes } = this.ws;
    const known = hiddenLabels(this.data.dataset, { U: crops.map(({ image }) => image) });
    const truth = known.every((label) => label >= 0) && { pseudoTrueCounts: countClasses(known, classes.length) };
    const quality = pseudoQuality(classes, known, pseudo, sure);
    return {
      ...this.method.epochLine(means),
      pseudoCounts: countClasses(pseudo, classes.length),
      samplingWeights: balance.weights,
      neverPredicted: balance.neverPredicted.map((c) => classes[c]),
      ...truth,
      ...(this.priors && { classPrior: this.priors }),
      ...(quality && { pseudoQuality: quality }),
    };
  }

  rates(step: number) {
    return this.method.rates(step);
  }

  release(): void {
    this.work.release();
    this.method.release();
    this.method.strategy.release();
    for (const optimizer of this.optimizers) optimizer.release();
    this.ws.device.release(this.labels);
  }

  /** All GPU work of a step, from the uploaded patches on. */
  private compute(views: number): void {
    const { device, augmenter } = this.ws;
    const tape = Tape.inference(device);
    this.method.compute({ inputs: augmenter.views(tape, views), labels: this.labels });
    tape.dispose();
    this.follow();
  }

  /** The average follows the student. */
  private follow(): void {
    const { average, method, ws } = this;
    if (!average) return;
    updateAverage(ws.device, average.arena.values, method.student.arena.values, ws.config.ema);
    ws.device.copy(method.student.buffers.all, average.buffers.all);
  }

  private async label(epoch: number, { log, signal }: PhaseContext): Promise<LabelledCrops> {
    const { ws, data, method } = this;
    const label = `epoch ${epoch + 1}: pseudo-labels`;
    const onProgress = (done: number, total: number) => log.progress({ label, done, total });
    const step = epoch * this.length.stepsPerEpoch;
    const shift = await method.strategy.planShift(method.unlabelledWeight(step));
    const strategy = { shift, blank: step >= this.blankStart };
    const images = plannedImages(ws.config, data.split);
    return labelEpoch(ws, method.labeller, images, epoch, { rule: method.rule, strategy, onProgress, signal });
  }

  /** @param resumed the checkpoint of this epoch holds its priors already */
  private async estimatePriors(
    { pseudo, sure, balance }: EpochPlan,
    epoch: number,
    resumed: boolean,
  ): Promise<Priors | null> {
    const { ws, method, length } = this;
    if (!isOn(ws.config.imbalance)) return null;
    const classes = ws.classes.length;
    const sureCounts = countClasses(
      pseudo.filter((_, i) => sure[i] === 1),
      classes,
    );
    const step = epoch * length.stepsPerEpoch;
    const options = { resumed, weight: method.unlabelledWeight(step), progress: step / length.totalSteps };
    return method.strategy.beginEpoch({ counts: countClasses(pseudo, classes), sureCounts, balance }, options);
  }
}

function restoredPlan(saved: (name: string) => Int32Array | null): LabelledCrops | null {
  const [image, y, x, pseudo, sure] = ["image", "y", "x", "pseudo", "sure"].map((name) => saved(`plan.${name}`));
  if (!image || !y || !x || !pseudo || pseudo.length === 0) return null;
  const crops = [...image].map((value, i) => ({ image: value, y: y[i] as number, x: x[i] as number }));
  return { crops, pseudo, sure: sure ?? new Int32Array(pseudo.length) };
}
