import type { Optimizer } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { stepsOf } from "../config/length.js";
import { phaseStrategy, type Strategy } from "../imbalance/strategy.js";
import { type MetaBatch, type MetaScalar, MetaStep, metaScalars, udaWeight } from "../metaStep.js";
import { phaseOptimizer } from "./phase.js";
import { type PseudoLabelMethod, PseudoLabelPhase } from "./pseudoLabelPhase.js";
import { metaLength, type PhaseLength, studentRate, teacherRate } from "./schedule.js";
import type { SplitData, Workspace } from "./workspace.js";

/** Meta pseudo labels: the teacher labels U, the student learns from that, and how well it then does on L teaches the teacher. */
class MetaPseudoLabels implements PseudoLabelMethod {
  readonly title = "training teacher and student";
  readonly weak = "unlabelled";
  readonly rule: PseudoLabelMethod["rule"];
  readonly networks: readonly Network[];
  readonly optimizers: readonly [Optimizer, Optimizer];
  readonly scalars: MetaStep["scalars"];
  readonly tensors: PseudoLabelMethod["tensors"];
  readonly strategy: Strategy;
  private readonly step: MetaStep;
  private readonly length: PhaseLength;
  private readonly udaSteps: number;

  constructor(
    private readonly ws: Workspace,
    data: SplitData,
    readonly labeller: Network,
    readonly student: Network,
  ) {
    const { train, meta, memory } = ws.config;
    this.length = metaLength(data.split.U.length, ws.config);
    this.udaSteps = stepsOf(meta.udaSteps, this.length);
    this.networks = [labeller, student];
    this.rule = { temperature: meta.temperature, threshold: meta.threshold };
    this.optimizers = [phaseOptimizer(labeller, train.optimizer), phaseOptimizer(student, train.optimizer)];
    const teacherLearner = { network: labeller, optimizer: this.optimizers[0] };
    const studentLearner = { network: student, optimizer: this.optimizers[1] };
    this.strategy = phaseStrategy(ws, data, { labelledBalanced: meta.labelledBalanced, masked: meta.studentMask });
    const { terms } = this.strategy;
    this.step = new MetaStep(ws.device, teacherLearner, studentLearner, meta, ws.dropout, memory, terms);
    this.scalars = this.step.scalars;
    this.tensors = { baseline: this.step.baseline };
  }

  unlabelledWeight(step: number): number {
    return this.udaWeight(step);
  }

  prepare(step: number): void {
    this.step.prepare({ ...this.rates(step), udaWeight: this.udaWeight(step) });
  }

  compute(batch: MetaBatch): void {
    this.step.compute(batch);
  }

  stepLine(step: number, means: readonly number[]) {
    return { ...this.losses(means), udaWeight: this.udaWeight(step), ...this.rates(step) };
  }

  epochLine(means: readonly number[]) {
    const { studentLoss, teacherLoss } = this.losses(means);
    return { studentLoss, teacherLoss };
  }

  rates(step: number) {
    const { train } = this.ws.config;
    return { studentLr: studentRate(step, train, this.length), teacherLr: teacherRate(step, train, this.length) };
  }

  release(): void {
    this.step.release();
  }

  private udaWeight(step: number): number {
    return udaWeight(step, { ...this.ws.config.meta, udaSteps: this.udaSteps });
  }

  private losses(means: readonly number[]) {
    const values = Object.fromEntries(metaScalars.map((name, i) => [name, means[i]])) as Record<MetaScalar, number>;
    return { ...values, teacherLoss: values.teacherLossLabelled + values.teacherLossUda + values.teacherLossMpl };
  }
}

/** The teacher-student phase: pseudo-labels and balancing at each epoch, then meta steps. */
export class MetaPhase extends PseudoLabelPhase {
  /** @param average the student's moving average, evaluated in its place; null: off */
  constructor(ws: Workspace, data: SplitData, teacher: Network, student: Network, average: Network | null) {
    super(ws, data, new MetaPseudoLabels(ws, data, teacher, student), average);
  }
}
