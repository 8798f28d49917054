import type { Network } from "../../models/index.js";
import { ahead } from "../data/ahead.js";
import { percent } from "../format.js";
import { phasesOf } from "../methods.js";
import type { Evaluation } from "../metrics.js";
import { BestStudent } from "./bestStudent.js";
import { type Checkpoint, noValues, type RunState } from "./checkpoint.js";
import { Checkpoints } from "./checkpoints.js";
import { classify, evaluationOf } from "./classify.js";
import { TimeEstimate } from "./estimate.js";
import { nonFiniteError } from "./health.js";
import { RunNetworks } from "./networks.js";
import type { Phase } from "./phase.js";
import { createPhase } from "./phases.js";
import { ScalarRing } from "./ring.js";
import { StepMetrics } from "./stepMetrics.js";
import { StepQueue } from "./stepQueue.js";
import { type RunLines, type RunStore, runFiles } from "./store.js";
import type { PhaseName, RunLog } from "./types.js";
import type { SplitData, Workspace } from "./workspace.js";

export interface TrainerOptions {
  readonly log: RunLog;
  readonly signal: AbortSignal;
  readonly yes: boolean;
  /** Awaited after each step: lets other work have the device. */
  readonly between?: () => Promise<void>;
}

/** Runs the phases of a configuration step by step, with metrics, checkpoints and the choice of the best student. */
export class Trainer {
  private readonly networks: RunNetworks;
  private readonly best: BestStudent;
  private readonly lines: RunLines;
  private readonly metrics: StepMetrics;
  private readonly checkpoints: Checkpoints;
  private readonly estimate: TimeEstimate;
  private readonly state: RunState;

  constructor(
    private readonly ws: Workspace,
    private readonly data: SplitData,
    store: RunStore,
    private readonly options: TrainerOptions,
    checkpoint: Checkpoint | null,
  ) {
    const { config } = ws;
    this.networks = new RunNetworks(ws);
    this.state = checkpoint?.state ?? freshState();
    this.best = new BestStudent(ws, this.networks.student, this.state);
    this.lines = store.lines(runFiles.metrics, this.state.metricsBytes);
    this.metrics = new StepMetrics(this.lines, this.state, config.logEvery);
    this.estimate = new TimeEstimate(config, data, options);
    const { state, networks, best, lines } = this;
    this.checkpoints = new Checkpoints(ws, store, { state, networks, best, metrics: lines }, checkpoint);
  }

  get student(): Network {
    return this.networks.student;
  }

  /** Null for methods without a teacher. */
  get teacher(): Network | null {
    return this.networks.teacher;
  }

  get bestEpoch(): number | null {
    return this.state.best?.epoch ?? null;
  }

  /** Seconds that the run has taken, earlier processes included. */
  get seconds(): number {
    return this.checkpoints.seconds;
  }

  /** Runs what is left of all phases. On return the student is the best one, fine-tuned where that is asked for. */
  async run(): Promise<void> {
    const names = phasesOf(this.ws.config);
    for (let i = this.state.phase; i < names.length; i++) {
      const name = names[i] as PhaseName;
      if (this.state.step === 0 && name === "finetune") this.best.use();
      await this.runPhase(createPhase(name, this.ws, this.data, this.networks));
      Object.assign(this.state, { phase: i + 1, step: 0 });
    }
    if (names.at(-1) !== "finetune") this.best.use();
  }

  release(): void {
    this.lines.close();
    this.networks.release();
    this.best.release();
  }

  private async runPhase(phase: Phase): Promise<void> {
    const { ws, checkpoints } = this;
    const { totalSteps, stepsPerEpoch } = phase.length;
    const ring = new ScalarRing(ws.device, phase.scalars.names.length, Math.min(ws.config.logEvery, 10));
    try {
      checkpoints.restorePhase(phase);
      await phase.prepare(this.options);
      while (this.state.step < totalSteps) {
        const epoch = Math.floor(this.state.step / stepsPerEpoch);
        await phase.beginEpoch(epoch, this.options, checkpoints.takeArrays());
        const end = Math.min(totalSteps, (epoch + 1) * stepsPerEpoch);
        await this.runSteps(phase, ring, end);
        await this.endEpoch(phase, epoch);
        this.options.signal.throwIfAborted();
      }
    } finally {
      await ring.release();
      phase.release();
    }
  }

  private async runSteps(phase: Phase, ring: ScalarRing, end: number): Promise<void> {
    const { ws, state, metrics, checkpoints } = this;
    const from = state.step;
    const jobs = Array.from({ length: end - from }, (_, i) => () => phase.load(from + i));
    const queue = new StepQueue();
    let begun = performance.now();
    for await (const batch of ahead(jobs, 2)) {
      if (this.options.signal.aborted) {
        await this.pause(phase, ring);
        throw this.options.signal.reason;
      }
      const recording = performance.now();
      ws.device.write(ws.dropout.state, [ws.config.seed, state.step]);
      phase.run(state.step, batch);
      const recorded = performance.now();
      await queue.add(ws.device.sync());
      const rows = await ring.push(state.step, phase.scalars);
      state.step++;
      metrics.record(phase, rows, checkpoints.lastSaved);
      this.show(phase);
      await this.estimate.afterStep(phase, state.step, ws.device);
      await this.options.between?.();
      const now = performance.now();
      metrics.addTime(recorded - recording, now - begun);
      begun = now;
      // After its last step an epoch is saved with its evaluation only.
      if (state.step < end && checkpoints.isDue()) await this.pause(phase, ring);
    }
    metrics.record(phase, await ring.drain(), checkpoints.lastSaved);
    metrics.addTime(0, performance.now() - begun);
  }

  private async endEpoch(phase: Phase, epoch: number): Promise<void> {
    const { checkpoints } = this;
    const weights = await checkpoints.healthyWeights(phase);
    await phase.finishEpoch?.();
    const evaluation = phase.evaluated && (await this.validate(phase, phase.evaluated));
    const means = this.metrics.endEpoch(phase, epoch, evaluation);
    if (phase.choosesBest && phase.evaluated && evaluation) this.best.keepIfBest(phase.evaluated, epoch, evaluation);
    this.tell(phase, epoch, evaluation, means);
    // The end of an epoch may have changed weights.
    await checkpoints.save(phase, phase.finishEpoch ? noValues : weights);
  }

  /** @throws UserError for a probability that is not finite */
  private async validate(phase: Phase, network: Network): Promise<Evaluation> {
    const { ws, data, state } = this;
    const probabilities = await classify(ws, network, data.split.validation);
    if (!probabilities.every((row) => row.every(Number.isFinite))) {
      const what = "a probability of the validation part became NaN";
      throw nonFiniteError(phase, state.step - 1, what, this.checkpoints.lastSaved);
    }
    return evaluationOf(ws, data.split.validation, data.labels, probabilities);
  }

  /** A checkpoint inside an epoch. */
  private async pause(phase: Phase, ring: ScalarRing): Promise<void> {
    const { checkpoints } = this;
    this.metrics.record(phase, await ring.drain(), checkpoints.lastSaved);
    await checkpoints.save(phase, await checkpoints.healthyWeights(phase));
  }

  private show(phase: Phase): void {
    const { lastLoss } = this.metrics;
    this.options.log.progress({
      label: phase.title,
      done: this.state.step,
      total: phase.length.totalSteps,
      note: lastLoss === undefined ? undefined : `loss ${lastLoss.toFixed(3)}`,
    });
  }

  /** A line for the user about every twentieth of a phase, and its end. */
  private tell(phase: Phase, epoch: number, evaluation: Evaluation | null, means: readonly number[]): void {
    const epochs = Math.ceil(phase.length.totalSteps / phase.length.stepsPerEpoch);
    const often = Math.max(1, Math.floor(epochs / 20));
    if ((epoch + 1) % often !== 0 && epoch + 1 !== epochs) return;
    const outcome = evaluation
      ? `validation balanced accuracy ${percent(evaluation.balancedAccuracy, { unknown: "unknown" })} (n = ${evaluation.n})`
      : `loss ${means[0]?.toFixed(3)}`;
    this.options.log.info(`${phase.title}: epoch ${epoch + 1} of ${epochs}, ${outcome}`);
  }
}

function freshState(): RunState {
  const lists = { window: [], epochSums: [], optimizerSteps: [], batchesTracked: {}, choices: {} };
  return {
    ...lists,
    phase: 0,
    step: 0,
    best: null,
    seconds: 0,
    metricsBytes: 0,
    epochSteps: 0,
    epochSeconds: 0,
  };
}
