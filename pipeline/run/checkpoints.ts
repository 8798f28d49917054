import type { BestStudent } from "./bestStudent.js";
import {
  type Checkpoint,
  type RunState,
  readTensors,
  restoreTensors,
  savedArray,
  type TensorValues,
  writeCheckpoint,
} from "./checkpoint.js";
import { firstNonFinite, nonFiniteError } from "./health.js";
import type { RunNetworks } from "./networks.js";
import { optimizerTensors, type Phase } from "./phase.js";
import { type RunLines, type RunStore, runFiles } from "./store.js";
import type { Workspace } from "./workspace.js";

/** What a checkpoint holds of a run. */
interface Held {
  readonly state: RunState;
  readonly networks: RunNetworks;
  readonly best: BestStudent;
  /** `metrics.jsonl`, which is cut back to the length that the checkpoint names. */
  readonly metrics: RunLines;
}

/** Writes the checkpoints of a run, says when one is due, and puts back what the one that it goes on from holds. */
export class Checkpoints {
  /** The last checkpoint, for messages; null: none yet. */
  lastSaved: string | null = null;
  private savedAt = performance.now();
  private readonly startedAt = performance.now();

  /** @param resumed the run goes on from here: networks and kernel variants are put back; null after its phase has begun, or for a new run */
  constructor(
    private readonly ws: Workspace,
    private readonly store: RunStore,
    private readonly held: Held,
    private resumed: Checkpoint | null,
  ) {
    if (!resumed) return;
    ws.device.choices.set(resumed.state.choices);
    restoreTensors(ws.device, resumed, this.networkTensors(), store.nameOf(runFiles.checkpoint));
    held.networks.setBatchesTracked(resumed.state.batchesTracked);
  }

  /** Seconds that the run has taken, earlier processes included. */
  get seconds(): number {
    return this.held.state.seconds + (performance.now() - this.startedAt) / 1000;
  }

  /** Whether `checkpointMinutes` have gone by since the last one. */
  isDue(): boolean {
    return performance.now() - this.savedAt > this.ws.config.checkpointMinutes * 60_000;
  }

  /** @param known values of tensors that have been read since the last step */
  async save(phase: Phase, known: TensorValues): Promise<void> {
    const { device } = this.ws;
    const { state: own, metrics, networks } = this.held;
    const { tensors, arrays } = phase.state();
    const state: RunState = {
      ...own,
      seconds: this.seconds,
      metricsBytes: metrics.bytes,
      optimizerSteps: phase.optimizers.map((o) => o.steps),
      choices: device.choices.record(),
      batchesTracked: networks.batchesTracked,
    };
    await metrics.sync();
    const all = { ...this.networkTensors(), ...optimizerTensors(phase.optimizers), ...tensors };
    await writeCheckpoint(this.store, device, state, all, arrays, known);
    this.savedAt = performance.now();
    this.lastSaved = this.describe(phase, state.step);
  }

  /** Optimisers and the phase's own tensors, when the run was stopped inside this phase. */
  restorePhase(phase: Phase): void {
    const { state } = this.held;
    if (!this.resumed || state.step === 0) return;
    restoreTensors(
      this.ws.device,
      this.resumed,
      { ...optimizerTensors(phase.optimizers), ...phase.state().tensors },
      this.store.nameOf(runFiles.checkpoint),
    );
    phase.optimizers.forEach((o, i) => {
      o.steps = state.optimizerSteps[i] ?? 0;
    });
    const { step } = state;
    const { stepsPerEpoch, totalSteps } = phase.length;
    this.lastSaved = this.describe(phase, step);
    // A checkpoint at the end of an epoch holds the plan of that epoch, not of the next.
    if (step % stepsPerEpoch === 0 || step === totalSteps) this.resumed = null;
  }

  /** The arrays of the checkpoint that this epoch goes on from; null when it begins anew. They are given once. */
  takeArrays(): ((name: string) => Int32Array | null) | null {
    const { resumed } = this;
    this.resumed = null;
    return resumed && ((name) => savedArray(resumed, name));
  }

  /**
   * Reads weights and statistics before they are evaluated or saved: the loss of a step is that of the weights before it.
   * @throws UserError for one that is not finite
   */
  async healthyWeights(phase: Phase): Promise<TensorValues> {
    const values = await readTensors(this.ws.device, this.held.networks.tensors);
    const bad = firstNonFinite(values);
    if (!bad) return values;
    const [role] = bad.name.split(".");
    const what = `a weight of the ${role} became ${bad.value}`;
    throw nonFiniteError(phase, this.held.state.step - 1, what, this.lastSaved);
  }

  private networkTensors() {
    return { ...this.held.networks.tensors, ...this.held.best.tensors };
  }

  private describe({ title, length }: Phase, step: number): string {
    return `${this.store.nameOf(runFiles.checkpoint)} (${title}, after step ${step} of ${length.totalSteps})`;
  }
}
