import { createOptimizer, type Optimizer, type Tensor } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import type { OptimizerConfig } from "../config/schema.js";
import type { StepScalars } from "../stepState.js";
import type { HostBatch } from "./batches.js";
import type { StateTensors } from "./checkpoint.js";
import type { PhaseLength } from "./schedule.js";
import type { PhaseName, RunLog } from "./types.js";

/** What a phase may use of the trainer. */
export interface PhaseContext {
  readonly log: RunLog;
  readonly signal: AbortSignal;
}

/** A stretch of training that the trainer can run, checkpoint and resume step by step. */
export interface Phase {
  readonly name: PhaseName;
  /** What is shown to the user. */
  readonly title: string;
  readonly length: PhaseLength;
  /** Kinds of the lines in metrics.jsonl. */
  readonly kinds: { readonly step: string; readonly epoch: string };
  /** The network that is evaluated after each epoch; null where it cannot classify yet. */
  readonly evaluated: Network | null;
  /** Whether the best epoch on the validation part is kept. */
  readonly choosesBest: boolean;
  readonly scalars: StepScalars<string>;
  readonly optimizers: readonly Optimizer[];
  /** Tensors and integers of the phase that a checkpoint must hold, beyond networks and optimisers. */
  state(): { tensors: StateTensors; arrays: Readonly<Record<string, Int32Array>> };
  /** Before the first step: compiles what the steps and the evaluation need. */
  prepare(context: PhaseContext): Promise<void>;
  /** Before the first step of an epoch; `saved` gives the arrays of a checkpoint when it is resumed in the middle. */
  beginEpoch(epoch: number, context: PhaseContext, saved: ((name: string) => Int32Array | null) | null): Promise<void>;
  /** Behind the last step of an epoch, before it is evaluated and saved: not to be interrupted. */
  finishEpoch?(): Promise<void>;
  /** Patches of a step: may run ahead. */
  load(step: number): Promise<HostBatch>;
  /** One update on the GPU. */
  run(step: number, batch: HostBatch): void;
  /** Fields of a line of metrics from the mean scalars of some steps, in the order of `scalars.names`. */
  stepLine(step: number, means: readonly number[]): Record<string, unknown>;
  epochLine(means: readonly number[]): Record<string, unknown>;
  /** Learning rates of a step, for messages. */
  rates(step: number): Record<string, number>;
  release(): void;
}

/** How the user sees kernels being compiled. */
export function compilationProgress({ log }: PhaseContext): (done: number, total: number) => void {
  return (done, total) => log.progress({ label: "compiling kernels", done, total });
}

/** An optimiser as a phase's configuration asks for it. @param trains false: a parameter of this name stays as it is */
export function phaseOptimizer(
  network: Network,
  config: OptimizerConfig,
  trains: (name: string) => boolean = () => true,
): Optimizer {
  const { weightDecay, noDecay, momentum, nesterov, adamBetas } = config;
  const options =
    config.name === "sgd"
      ? ({ name: "sgd", momentum, nesterov } as const)
      : ({ name: "adam", beta1: adamBetas[0], beta2: adamBetas[1] } as const);
  return createOptimizer(network.arena, options, ({ name }) => ({
    rateFactor: trains(name) ? 1 : 0,
    weightDecay: !trains(name) || noDecay.some((part) => name.includes(part)) ? 0 : weightDecay,
  }));
}

/** Tensors of optimisers under names of their own. */
export function optimizerTensors(optimizers: readonly Optimizer[]): Record<string, Tensor> {
  return Object.fromEntries(optimizers.flatMap((o, i) => o.state.map((tensor, k) => [`optimizer.${i}.${k}`, tensor])));
}
