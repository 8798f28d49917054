import { type Optimizer, Tape, type Tensor, UserError, updateAverage } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { stepsOf } from "../config/length.js";
import { countClasses } from "../data/sampler.js";
import { hiddenLabels } from "../data/split.js";
import { type MetaScalar, MetaStep, metaScalars, udaWeight } from "../metaStep.js";
import { RepeatedWork } from "../stepState.js";
import { type HostBatch, metaBatch } from "./batches.js";
import { rehearseClassification } from "./classify.js";
import { type EpochPlan, labelEpoch, planEpoch } from "./epochPlan.js";
import { compilationProgress, type Phase, type PhaseContext, phaseOptimizer } from "./phase.js";
import { metaLength, type PhaseLength, studentRate, teacherRate } from "./schedule.js";
import type { SplitData, Workspace } from "./workspace.js";

/** The teacher-student phase: pseudo-labels and balancing at each epoch, then meta steps. */
export class MetaPhase implements Phase {
  readonly name = "train";
  readonly title = "training teacher and student";
  readonly kinds = { step: "step", epoch: "epoch" };
  readonly choosesBest = true;
  readonly length: PhaseLength;
  readonly optimizers: readonly [Optimizer, Optimizer];
  readonly scalars: MetaStep["scalars"];
  private readonly step: MetaStep;
  private readonly work: RepeatedWork;
  private readonly labels: Tensor;
  private readonly udaSteps: number;
  private plan: EpochPlan | null = null;

  /** @param average the student's moving average, evaluated in its place; null: off */
  constructor(
    private readonly ws: Workspace,
    private readonly data: SplitData,
    private readonly teacher: Network,
    private readonly student: Network,
    private readonly average: Network | null,
  ) {
    const { train, meta } = ws.config;
    this.length = metaLength(data.split.U.length, ws.config);
    this.udaSteps = stepsOf(meta.udaSteps, this.length);
    this.optimizers = [phaseOptimizer(teacher, train.optimizer), phaseOptimizer(student, train.optimizer)];
    const [teacherOptimizer, studentOptimizer] = this.optimizers;
    this.step = new MetaStep(
      ws.device,
      { network: teacher, optimizer: teacherOptimizer },
      { network: student, optimizer: studentOptimizer },
      meta,
      ws.dropout,
      ws.config.memory,
    );
    this.work = new RepeatedWork(ws.device, [teacher, student]);
    this.scalars = this.step.scalars;
    this.labels = ws.labelTensor();
  }

  get evaluated(): Network {
    return this.average ?? this.student;
  }

  state() {
    const { crops = [], pseudo = new Int32Array() } = this.plan ?? {};
    const column = (key: "image" | "y" | "x") => Int32Array.from(crops, (crop) => crop[key]);
    const arrays = {
      "plan.image": column("image"),
      "plan.y": column("y"),
      "plan.x": column("x"),
      "plan.pseudo": pseudo,
    };
    return { tensors: { baseline: this.step.baseline }, arrays };
  }

  prepare(context: PhaseContext): Promise<void> {
    const { ws, teacher } = this;
    return this.work.precompile(() => {
      this.compute(3 * ws.config.batch);
      rehearseClassification(ws, teacher);
    }, compilationProgress(context));
  }

  async beginEpoch(
    epoch: number,
    context: PhaseContext,
    saved: ((name: string) => Int32Array | null) | null,
  ): Promise<void> {
    const labelled = (saved && restoredPlan(saved)) ?? (await this.label(epoch, context));
    this.plan = planEpoch(this.ws, labelled, epoch, this.length.stepsPerEpoch * this.ws.config.batch);
    const { neverPredicted } = this.plan.balance;
    if (neverPredicted.length > 0) {
      const names = neverPredicted.map((c) => this.ws.classes[c]).join(", ");
      context.log.warn(
        `epoch ${epoch + 1}: the teacher took no patch for ${names}: no patch of ${neverPredicted.length === 1 ? "this class" : "these classes"} is learnt in this epoch`,
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
    return metaBatch(this.ws, this.data, this.plan, options);
  }

  run(step: number, batch: HostBatch): void {
    const { device, augmenter, config } = this.ws;
    device.write(this.labels, batch.labels);
    augmenter.write(batch.pixels, batch.source, batch.views);
    const uda = udaWeight(step, { ...config.meta, udaSteps: this.udaSteps });
    this.step.prepare({ ...this.rates(step), udaWeight: uda });
    const views = batch.views.length;
    this.work.run(`${views} views`, () => this.compute(views));
    // The average begins as the student, so that it holds no random weights.
    if (step === 0) this.average?.copyFrom(this.student);
  }

  stepLine(step: number, means: readonly number[]) {
    const uda = udaWeight(step, { ...this.ws.config.meta, udaSteps: this.udaSteps });
    return { ...this.losses(means), udaWeight: uda, ...this.rates(step) };
  }

  epochLine(means: readonly number[]) {
    const { pseudo, balance } = this.plan as EpochPlan;
    const known = hiddenLabels(this.data.dataset, this.data.split);
    const truth =
      known.length > 0 && known.every((label) => label >= 0)
        ? { pseudoTrueCounts: countClasses(known, this.ws.classes.length) }
        : {};
    const { studentLoss, teacherLoss } = this.losses(means);
    return {
      studentLoss,
      teacherLoss,
      pseudoCounts: countClasses(pseudo, this.ws.classes.length),
      samplingWeights: balance.weights,
      neverPredicted: balance.neverPredicted.map((c) => this.ws.classes[c]),
      ...truth,
    };
  }

  rates(step: number) {
    const { train } = this.ws.config;
    return { studentLr: studentRate(step, train, this.length), teacherLr: teacherRate(step, train, this.length) };
  }

  release(): void {
    this.work.release();
    this.step.release();
    for (const optimizer of this.optimizers) optimizer.release();
    this.ws.device.release(this.labels);
  }

  /** All GPU work of a step, from the uploaded patches on. */
  private compute(views: number): void {
    const { device, augmenter } = this.ws;
    const tape = Tape.inference(device);
    this.step.compute({ inputs: augmenter.views(tape, views), labels: this.labels });
    tape.dispose();
    this.follow();
  }

  /** The average follows the student. */
  private follow(): void {
    const { average, student, ws } = this;
    if (!average) return;
    updateAverage(ws.device, average.arena.values, student.arena.values, ws.config.ema);
    ws.device.copy(student.buffers.all, average.buffers.all);
  }

  private losses(means: readonly number[]) {
    const values = Object.fromEntries(metaScalars.map((name, i) => [name, means[i]])) as Record<MetaScalar, number>;
    return { ...values, teacherLoss: values.teacherLossLabelled + values.teacherLossUda + values.teacherLossMpl };
  }

  private label(epoch: number, { log, signal }: PhaseContext) {
    const label = `epoch ${epoch + 1}: pseudo-labels`;
    const onProgress = (done: number, total: number) => log.progress({ label, done, total });
    return labelEpoch(this.ws, this.teacher, this.data.split.U, epoch, { onProgress, signal });
  }
}

function restoredPlan(saved: (name: string) => Int32Array | null) {
  const [image, y, x, pseudo] = ["image", "y", "x", "pseudo"].map((name) => saved(`plan.${name}`));
  if (!image || !y || !x || !pseudo || pseudo.length === 0) return null;
  const crops = [...image].map((value, i) => ({ image: value, y: y[i] as number, x: x[i] as number }));
  return { crops, pseudo };
}
