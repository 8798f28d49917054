import type { Optimizer } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { FixMatchStep } from "../fixMatchStep.js";
import { phaseStrategy, type Strategy } from "../imbalance/strategy.js";
import type { MetaBatch } from "../metaStep.js";
import { phaseOptimizer } from "./phase.js";
import { type PseudoLabelMethod, PseudoLabelPhase } from "./pseudoLabelPhase.js";
import { metaLength, type PhaseLength, studentRate } from "./schedule.js";
import type { SplitData, Workspace } from "./workspace.js";

/** FixMatch: one network labels weak views of U and learns from strong ones. */
class FixMatch implements PseudoLabelMethod {
  readonly title = "training with pseudo-labels";
  readonly weak: PseudoLabelMethod["weak"];
  readonly labeller: Network;
  readonly rule: PseudoLabelMethod["rule"];
  readonly networks: readonly [Network];
  readonly optimizers: readonly [Optimizer];
  readonly scalars: FixMatchStep["scalars"];
  readonly tensors = {};
  readonly strategy: Strategy;
  private readonly step: FixMatchStep;
  private readonly length: PhaseLength;

  constructor(
    private readonly ws: Workspace,
    data: SplitData,
    readonly student: Network,
  ) {
    const { train, fixmatch, memory } = ws.config;
    this.weak = fixmatch.weak === "flips" ? "flips" : "unlabelled";
    this.labeller = student;
    this.rule = { temperature: 1, threshold: fixmatch.threshold };
    this.networks = [student];
    this.length = metaLength(data.split.U.length, ws.config);
    this.optimizers = [phaseOptimizer(student, train.optimizer)];
    const learner = { network: student, optimizer: this.optimizers[0] };
    this.strategy = phaseStrategy(ws, data, { labelledBalanced: ws.config.meta.labelledBalanced, masked: true });
    this.step = new FixMatchStep(ws.device, learner, fixmatch, ws.dropout, memory, this.strategy.terms);
    this.scalars = this.step.scalars;
  }

  unlabelledWeight(): number {
    return this.ws.config.fixmatch.lambdaU;
  }

  prepare(step: number): void {
    this.step.prepare(this.rates(step).studentLr);
  }

  compute(batch: MetaBatch): void {
    this.step.compute(batch);
  }

  stepLine(step: number, means: readonly number[]) {
    return { ...this.losses(means), ...this.rates(step) };
  }

  epochLine(means: readonly number[]) {
    const { studentLoss, maskMean } = this.losses(means);
    return { studentLoss, maskMean };
  }

  rates(step: number) {
    return { studentLr: studentRate(step, this.ws.config.train, this.length) };
  }

  release(): void {
    this.step.release();
  }

  private losses(means: readonly number[]) {
    const [studentLossLabelled = 0, studentLossUnlabelled = 0, maskMean = 0] = means;
    const studentLoss = studentLossLabelled + studentLossUnlabelled;
    return { studentLoss, studentLossLabelled, studentLossUnlabelled, maskMean };
  }
}

/** FixMatch on U and L, with balancing at each epoch where that is asked for. */
export class FixMatchPhase extends PseudoLabelPhase {
  /** @param average the student's moving average, evaluated in its place; null: off */
  constructor(ws: Workspace, data: SplitData, student: Network, average: Network | null) {
    super(ws, data, new FixMatch(ws, data, student), average);
  }
}
