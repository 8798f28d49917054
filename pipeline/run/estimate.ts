import { type Device, mebibytes, UserError } from "../../engine/index.js";
import type { Config } from "../config/schema.js";
import { roughDuration } from "../format.js";
import { largestPassOf, methods, phasesOf } from "../methods.js";
import { estimateMemory } from "./limits.js";
import type { Phase } from "./phase.js";
import { contrastiveLength, metaLength, type PhaseLength, supervisedLength } from "./schedule.js";
import type { PhaseName, RunLog } from "./types.js";
import type { SplitData } from "./workspace.js";

/** Steps that are not timed (compilation, caches), and steps that are. */
const warmUp = 2;
const timed = 4;

const longRunHours = 24;

/** Measures the first steps of each phase and says how long the rest will take; asks before a very long run. */
export class TimeEstimate {
  /** Steps of each phase, in their order. */
  private readonly steps: readonly (readonly [PhaseName, number])[];
  private phase: PhaseName | null = null;
  private count = 0;
  private begun = 0;
  private asked = false;
  /** Steps of the phase that an earlier process has done. */
  private skipped = 0;
  /** Whether an earlier process has begun the run. Null before the first step. */
  private resumed: boolean | null = null;

  constructor(
    private readonly config: Config,
    data: SplitData,
    private readonly options: { log: RunLog; yes: boolean },
  ) {
    const { pretrain, finetune, batch } = config;
    const { L, U } = data.split;
    const lengths: Record<PhaseName, () => PhaseLength> = {
      contrastive: () => contrastiveLength(L.length + U.length, config),
      pretrain: () => supervisedLength(L.length, batch, pretrain),
      train: () => metaLength(U.length, config),
      finetune: () => supervisedLength(L.length, batch, finetune),
    };
    this.steps = phasesOf(config).map((name) => [name, lengths[name]().totalSteps]);
  }

  /**
   * Call after each step.
   * @param done steps of the phase that are done, by an earlier process too
   * @throws UserError if the user does not want to go on
   */
  async afterStep(phase: Phase, done: number, device: Device): Promise<void> {
    if (phase.name !== this.phase) {
      this.phase = phase.name;
      this.count = 0;
      this.skipped = done - 1;
      this.resumed ??= this.skipped > 0 || phase.name !== this.steps[0]?.[0];
    }
    this.count++;
    if (this.count === warmUp) {
      await device.sync();
      this.begun = performance.now();
    }
    if (this.count !== warmUp + timed) return;
    await device.sync();
    await this.report(phase, (performance.now() - this.begun) / 1000 / timed, device);
  }

  private async report(phase: Phase, secondsPerStep: number, device: Device): Promise<void> {
    // Passes of a batch in a step, forward and backward counted as three.
    const passes = {
      contrastive: 3 * largestPassOf(this.config.method),
      pretrain: 3,
      train: methods[this.config.method].trainPasses,
      finetune: 3,
    };
    const unit = secondsPerStep / passes[phase.name];
    const ahead = this.steps.slice(this.steps.findIndex(([name]) => name === phase.name));
    const all = ahead.reduce((sum, [name, steps]) => sum + unit * passes[name] * steps, 0);
    const seconds = all - secondsPerStep * this.skipped;
    const { largest, activations } = estimateMemory(this.config);
    const memory = `about ${mebibytes(activations)} of activations, largest tensor ${mebibytes(largest)} of ${mebibytes(device.limits.maxStorageBufferBindingSize)}`;
    this.options.log.info(
      `${phase.title}: ${roughDuration(secondsPerStep * phase.length.stepsPerEpoch)} per epoch; about ${roughDuration(seconds)} ${this.resumed ? "left" : "in all"} (${memory})`,
    );
    if (seconds < longRunHours * 3600 || this.asked || this.options.yes) return;
    this.asked = true;
    const what = this.resumed ? "The rest of this run" : "This run";
    if (await this.options.log.confirm(`${what} will take about ${roughDuration(seconds)}. Go on?`)) return;
    throw new UserError(
      "stopped before a long run: use a smaller --preset, fewer epochs (--set train.epochs=...), or --yes",
    );
  }
}
