import { type Device, mebibytes, UserError } from "../../engine/index.js";
import type { Config } from "../config/schema.js";
import { estimateMemory } from "./limits.js";
import type { Phase } from "./phase.js";
import { metaLength, supervisedLength } from "./schedule.js";
import type { PhaseName, RunLog } from "./types.js";
import type { SplitData } from "./workspace.js";

/** Steps that are not timed (compilation, caches), and steps that are. */
const warmUp = 2;
const timed = 4;

/** Passes of B patches in a meta step, forward and backward counted as three: teacher 9, student 6, student again 1. */
const metaPasses = 16;
const supervisedPasses = 3;

const longRunHours = 24;

/** Measures the first steps of each phase and says how long the rest will take; asks before a very long run. */
export class TimeEstimate {
  private readonly steps: Record<PhaseName, number>;
  private phase: PhaseName | null = null;
  private count = 0;
  private begun = 0;
  private asked = false;

  constructor(
    private readonly config: Config,
    data: SplitData,
    private readonly options: { log: RunLog; yes: boolean },
  ) {
    const { pretrain, finetune, batch, method } = config;
    const { L, U } = data.split;
    this.steps = {
      pretrain: supervisedLength(L.length, batch, pretrain).totalSteps,
      train: method === "meta-pseudo-labels" ? metaLength(U.length, config).totalSteps : 0,
      finetune: finetune.enabled ? supervisedLength(L.length, batch, finetune).totalSteps : 0,
    };
  }

  /** Call after each step. @throws UserError if the user does not want to go on. */
  async afterStep(phase: Phase, device: Device): Promise<void> {
    if (phase.name !== this.phase) {
      this.phase = phase.name;
      this.count = 0;
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
    const unit = secondsPerStep / (phase.name === "train" ? metaPasses : supervisedPasses);
    const { pretrain, train, finetune } = this.steps;
    const ahead = { pretrain: pretrain + finetune, train: finetune, finetune: 0 }[phase.name];
    const metaAhead = phase.name === "finetune" ? 0 : train;
    const seconds =
      phase.name === "finetune"
        ? finetune * secondsPerStep
        : unit * (ahead * supervisedPasses + metaAhead * metaPasses);
    const { largest, activations } = estimateMemory(this.config);
    const memory = `about ${mebibytes(activations)} of activations, largest tensor ${mebibytes(largest)} of ${mebibytes(device.limits.maxStorageBufferBindingSize)}`;
    this.options.log.info(
      `${phase.title}: ${duration(secondsPerStep * phase.length.stepsPerEpoch)} per epoch; about ${duration(seconds)} in all (${memory})`,
    );
    if (seconds < longRunHours * 3600 || this.asked || this.options.yes) return;
    this.asked = true;
    if (await this.options.log.confirm(`This run will take about ${duration(seconds)}. Go on?`)) return;
    throw new UserError(
      "stopped before a long run: use a smaller --preset, fewer epochs (--set train.epochs=...), or --yes",
    );
  }
}

function duration(seconds: number): string {
  if (seconds < 90) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
