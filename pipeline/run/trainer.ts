import type { Tensor } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import { ahead } from "../data/ahead.js";
import { type MethodFacts, methods, phasesOf } from "../methods.js";
import type { Evaluation } from "../metrics.js";
import {
  type Checkpoint,
  noValues,
  type RunState,
  readTensors,
  restoreTensors,
  type StateTensors,
  savedArray,
  type TensorValues,
  writeCheckpoint,
} from "./checkpoint.js";
import { classify, evaluationOf } from "./classify.js";
import { TimeEstimate } from "./estimate.js";
import { firstNonFinite, nonFiniteError } from "./health.js";
import { optimizerTensors, type Phase } from "./phase.js";
import { createPhase } from "./phases.js";
import { ScalarRing, type ScalarRow } from "./ring.js";
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
  readonly student: Network;
  /** Null for methods without a teacher. */
  readonly teacher: Network | null;
  /** The student's moving average; null where none is kept. */
  readonly average: Network | null;
  private readonly best: { values: Tensor; buffers: Tensor };
  private readonly metrics: RunLines;
  private readonly estimate: TimeEstimate;
  private state: RunState;
  private resumed: Checkpoint | null;
  /** The last checkpoint, for messages. */
  private lastSaved: string | null = null;
  private savedAt = performance.now();
  private startedAt = performance.now();
  /** Time in which the host gave the GPU the work of this epoch's steps, and time in all, s. */
  private readonly host = { own: 0, total: 0 };

  constructor(
    private readonly ws: Workspace,
    private readonly data: SplitData,
    private readonly store: RunStore,
    private readonly options: TrainerOptions,
    checkpoint: Checkpoint | null,
  ) {
    const { config, device } = ws;
    const { teacher, phases } = methods[config.method] as MethodFacts;
    this.student = ws.network("student");
    this.teacher = teacher ? ws.network("teacher") : null;
    this.average = phases.includes("train") && config.ema > 0 ? ws.network("student") : null;
    const { arena, buffers } = this.student;
    this.best = {
      values: device.zeros(arena.values.shape, "best parameters"),
      buffers: device.zeros(buffers.all.shape, "best statistics"),
    };
    this.resumed = checkpoint;
    this.state = checkpoint?.state ?? freshState();
    this.metrics = store.lines(runFiles.metrics, this.state.metricsBytes);
    this.estimate = new TimeEstimate(config, data, options);
    if (checkpoint) this.restore(checkpoint);
  }

  get bestEpoch(): number | null {
    return this.state.best?.epoch ?? null;
  }

  get seconds(): number {
    return this.state.seconds + (performance.now() - this.startedAt) / 1000;
  }

  /** Runs what is left of all phases. On return the student is the best one, fine-tuned where that is asked for. */
  async run(): Promise<void> {
    const names = phasesOf(this.ws.config);
    for (let i = this.state.phase; i < names.length; i++) {
      const name = names[i] as PhaseName;
      if (this.state.step === 0 && name === "finetune") this.useBest();
      await this.runPhase(createPhase(name, this.ws, this.data, this));
      this.state = { ...this.state, phase: i + 1, step: 0 };
    }
    if (names.at(-1) !== "finetune") this.useBest();
  }

  release(): void {
    this.metrics.close();
    for (const network of [this.student, this.teacher, this.average]) network?.release();
    for (const tensor of Object.values(this.best)) this.ws.device.release(tensor);
  }

  private async runPhase(phase: Phase): Promise<void> {
    const { ws } = this;
    const { totalSteps, stepsPerEpoch } = phase.length;
    const ring = new ScalarRing(ws.device, phase.scalars.names.length, Math.min(ws.config.logEvery, 10));
    try {
      this.restorePhase(phase);
      await phase.prepare(this.options);
      while (this.state.step < totalSteps) {
        const epoch = Math.floor(this.state.step / stepsPerEpoch);
        await phase.beginEpoch(
          epoch,
          this.options,
          this.resumed && ((name) => savedArray(this.resumed as Checkpoint, name)),
        );
        this.resumed = null;
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
    const { ws, state } = this;
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
      this.record(phase, rows);
      this.show(phase);
      await this.estimate.afterStep(phase, state.step, ws.device);
      await this.options.between?.();
      const now = performance.now();
      this.addTime(recorded - recording, now - begun);
      begun = now;
      // After its last step an epoch is saved with its evaluation only.
      if (state.step < end && now - this.savedAt > ws.config.checkpointMinutes * 60_000) await this.pause(phase, ring);
    }
    this.record(phase, await ring.drain());
    this.addTime(0, performance.now() - begun);
  }

  /** @param own, total ms of the epoch in which the host made work, and that went by */
  private addTime(own: number, total: number): void {
    this.state.epochSeconds += total / 1000;
    this.host.own += own / 1000;
    this.host.total += total / 1000;
  }

  /** Takes over scalars of steps: refuses what is not finite, and writes a line where `logEvery` steps are complete. */
  private record(phase: Phase, rows: readonly ScalarRow[]): void {
    const { state, ws } = this;
    for (const { step, values } of rows) {
      this.refuseNonFinite(phase, step, values);
      state.window.push([...values]);
      values.forEach((v, i) => {
        state.epochSums[i] = (state.epochSums[i] ?? 0) + v;
      });
      state.epochSteps++;
      if ((step + 1) % ws.config.logEvery !== 0 && step + 1 !== phase.length.totalSteps) continue;
      const means = columnMeans(state.window);
      this.line({
        kind: phase.kinds.step,
        step: step + 1,
        epoch: Math.floor(step / phase.length.stepsPerEpoch),
        ...phase.stepLine(step, means),
      });
      state.window = [];
    }
  }

  private async endEpoch(phase: Phase, epoch: number): Promise<void> {
    const { state, options } = this;
    const weights = await this.healthyWeights(phase);
    await phase.finishEpoch?.();
    const evaluation = phase.evaluated && (await this.validate(phase, phase.evaluated));
    const means = state.epochSums.map((sum) => sum / Math.max(1, state.epochSteps));
    this.line({
      kind: phase.kinds.epoch,
      epoch,
      seconds: round(state.epochSeconds),
      ...phase.epochLine(means),
      ...(this.host.total > 0 && { hostShare: round(this.host.own / this.host.total) }),
      ...(evaluation && { validation: validationLine(evaluation) }),
    });
    if (phase.choosesBest && phase.evaluated && evaluation)
      this.keepIfBest(phase.evaluated, epoch, evaluation.balancedAccuracy ?? 0, evaluation.loss ?? 0);
    Object.assign(state, { epochSums: [], epochSteps: 0, epochSeconds: 0 });
    Object.assign(this.host, { own: 0, total: 0 });
    const epochs = Math.ceil(phase.length.totalSteps / phase.length.stepsPerEpoch);
    const often = Math.max(1, Math.floor(epochs / 20));
    if ((epoch + 1) % often === 0 || epoch + 1 === epochs) {
      options.log.info(
        `${phase.title}: epoch ${epoch + 1} of ${epochs}, ${evaluation ? `validation balanced accuracy ${percent(evaluation.balancedAccuracy)} (n = ${evaluation.n})` : `loss ${means[0]?.toFixed(3)}`}`,
      );
    }
    // The end of an epoch may have changed weights.
    await this.save(phase, phase.finishEpoch ? noValues : weights);
  }

  /** @throws UserError for a probability that is not finite */
  private async validate(phase: Phase, network: Network): Promise<Evaluation> {
    const { ws, data, state } = this;
    const probabilities = await classify(ws, network, data.split.validation);
    if (!probabilities.every((row) => row.every(Number.isFinite)))
      throw nonFiniteError(phase, state.step - 1, "a probability of the validation part became NaN", this.lastSaved);
    return evaluationOf(ws, data.split.validation, data.labels, probabilities);
  }

  private keepIfBest(network: Network, epoch: number, balancedAccuracy: number, loss: number): void {
    const { best } = this.state;
    if (
      best &&
      this.ws.config.keep === "best" &&
      (balancedAccuracy < best.balancedAccuracy || (balancedAccuracy === best.balancedAccuracy && loss >= best.loss))
    )
      return;
    const batchesTracked = Object.fromEntries(this.student.batchesTracked);
    this.state.best = { epoch, balancedAccuracy, loss, batchesTracked };
    this.ws.device.copy(network.arena.values, this.best.values);
    this.ws.device.copy(network.buffers.all, this.best.buffers);
  }

  /** The student becomes the kept one: the best so far, or the last (or stays, where no epoch was finished). */
  private useBest(): void {
    const { best } = this.state;
    if (!best) return;
    this.ws.device.copy(this.best.values, this.student.arena.values);
    this.ws.device.copy(this.best.buffers, this.student.buffers.all);
    for (const [name, n] of Object.entries(best.batchesTracked)) this.student.batchesTracked.set(name, n);
  }

  /** A checkpoint inside an epoch. */
  private async pause(phase: Phase, ring: ScalarRing): Promise<void> {
    this.record(phase, await ring.drain());
    await this.save(phase, await this.healthyWeights(phase));
  }

  /** @param known values of tensors that have been read since the last step */
  private async save(phase: Phase, known: TensorValues): Promise<void> {
    const { device } = this.ws;
    const { tensors, arrays } = phase.state();
    const seconds = this.seconds;
    const state: RunState = {
      ...this.state,
      seconds,
      metricsBytes: this.metrics.bytes,
      optimizerSteps: phase.optimizers.map((o) => o.steps),
      choices: this.ws.device.choices.record(),
      batchesTracked: Object.fromEntries(
        Object.entries(this.networks()).map(([name, n]) => [name, Object.fromEntries(n.batchesTracked)]),
      ),
    };
    await this.metrics.sync();
    await writeCheckpoint(
      this.store,
      device,
      state,
      { ...this.networkTensors(), ...optimizerTensors(phase.optimizers), ...tensors },
      arrays,
      known,
    );
    this.savedAt = performance.now();
    this.lastSaved = this.describeCheckpoint(phase, state.step);
  }

  private describeCheckpoint({ title, length }: Phase, step: number): string {
    return `${this.store.nameOf(runFiles.checkpoint)} (${title}, after step ${step} of ${length.totalSteps})`;
  }

  private networks(): Record<string, Network> {
    const { student, teacher, average } = this;
    return { student, ...(teacher && { teacher }), ...(average && { average }) };
  }

  /** Weights and statistics of the networks. */
  private ownTensors(): StateTensors {
    const own = Object.entries(this.networks()).flatMap(([name, n]) => [
      [`${name}.values`, n.arena.values],
      [`${name}.buffers`, n.buffers.all],
    ]);
    return Object.fromEntries(own);
  }

  private networkTensors(): StateTensors {
    return { ...this.ownTensors(), "best.values": this.best.values, "best.buffers": this.best.buffers };
  }

  private restore(checkpoint: Checkpoint): void {
    this.ws.device.choices.set(checkpoint.state.choices);
    restoreTensors(this.ws.device, checkpoint, this.networkTensors(), this.store.nameOf(runFiles.checkpoint));
    for (const [name, network] of Object.entries(this.networks())) {
      for (const [key, n] of Object.entries(checkpoint.state.batchesTracked[name] ?? {}))
        network.batchesTracked.set(key, n);
    }
  }

  /** Optimisers and the phase's own tensors, when the run was stopped inside this phase. */
  private restorePhase(phase: Phase): void {
    if (!this.resumed || this.state.step === 0) return;
    restoreTensors(
      this.ws.device,
      this.resumed,
      { ...optimizerTensors(phase.optimizers), ...phase.state().tensors },
      this.store.nameOf(runFiles.checkpoint),
    );
    phase.optimizers.forEach((o, i) => {
      o.steps = this.state.optimizerSteps[i] ?? 0;
    });
    const { step } = this.state;
    const { stepsPerEpoch, totalSteps } = phase.length;
    this.lastSaved = this.describeCheckpoint(phase, step);
    // A checkpoint at the end of an epoch holds the plan of that epoch, not of the next.
    if (step % stepsPerEpoch === 0 || step === totalSteps) this.resumed = null;
  }

  private refuseNonFinite(phase: Phase, step: number, values: readonly number[]): void {
    const bad = values.findIndex((v) => !Number.isFinite(v));
    if (bad < 0) return;
    throw nonFiniteError(phase, step, `${phase.scalars.names[bad]} became ${values[bad]}`, this.lastSaved);
  }

  /**
   * Reads weights and statistics before they are evaluated or saved: the loss of a step is that of the weights before it.
   * @throws UserError for one that is not finite
   */
  private async healthyWeights(phase: Phase): Promise<TensorValues> {
    const values = await readTensors(this.ws.device, this.ownTensors());
    const bad = firstNonFinite(values);
    if (!bad) return values;
    const [role] = bad.name.split(".");
    throw nonFiniteError(phase, this.state.step - 1, `a weight of the ${role} became ${bad.value}`, this.lastSaved);
  }

  private show(phase: Phase): void {
    const { step } = this.state;
    const last = this.state.window.at(-1)?.[0];
    this.options.log.progress({
      label: phase.title,
      done: step,
      total: phase.length.totalSteps,
      note: last === undefined ? undefined : `loss ${last.toFixed(3)}`,
    });
  }

  private line(entry: Record<string, unknown>): void {
    this.metrics.append(JSON.stringify(entry));
  }
}

/** What the line of an epoch says of the validation part. */
function validationLine({ balancedAccuracy, loss, confusion }: Evaluation) {
  return { balancedAccuracy, loss, confusion };
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

function columnMeans(rows: readonly (readonly number[])[]): number[] {
  return (rows[0] ?? []).map((_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length);
}

function percent(value: number | null): string {
  return value === null ? "unknown" : `${(100 * value).toFixed(1)} %`;
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
