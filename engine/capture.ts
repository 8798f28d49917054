import type { BufferPool, BufferRegion } from "./buffers.js";
import type { Command, Commands } from "./commands.js";
import type { DispatchObserver } from "./device.js";
import { GpuError } from "./errors.js";

/** What a captured step needs of its device. */
export interface CaptureHost {
  readonly commands: Commands;
  readonly pool: BufferPool;
  readonly pace: Pace;
  observer(): DispatchObserver | null;
  throwIfFailed(): void;
}

/**
 * The GPU work of a step as a list of commands that is submitted again and again. It owns the buffers of its intermediates, so
 * a replay creates nothing, compiles nothing and reads nothing back. What changes from step to step lies in tensors from outside,
 * which the host writes before the replay.
 */
export class CapturedStep {
  /** Replays so far, and the host's time for encoding and submitting them, ms. */
  replays = 0;
  hostMs = 0;
  private released = false;

  /** Made by `Device.capture`. */
  constructor(
    private readonly host: CaptureHost,
    private readonly commands: readonly Command[],
    private readonly region: BufferRegion,
  ) {}

  /** Dispatches of the step. */
  get dispatches(): number {
    return this.commands.filter(({ kind }) => kind === "dispatch").length;
  }

  /** Bytes of the intermediates, counted in the device's `memory.live`. */
  get bytes(): number {
    return this.region.bytes;
  }

  /**
   * Does the step's GPU work again. A device's observer sees its dispatches as it sees eager ones.
   * @throws GpuError of an earlier command, or (`internal`) after `release()`
   */
  replay(): void {
    const { commands, pace, observer, throwIfFailed } = this.host;
    throwIfFailed();
    if (this.released) throw new GpuError("internal", "a captured step was replayed after its release");
    const { encode, submit } = commands.hostMs;
    commands.replay(this.commands, pace.commandsPerSubmit(this.commands.length), observer());
    this.hostMs += commands.hostMs.encode - encode + commands.hostMs.submit - submit;
    this.replays++;
    pace.afterReplay(this.commands.length);
  }

  /** Gives its buffers back. May be called again. */
  release(): void {
    if (this.released) return;
    this.released = true;
    this.host.pool.dissolve(this.region);
  }
}

/** Time that a submission should take on a GPU, ms: half of the bound, since commands differ in length. */
const submissionMs = 50;
const fewest = 16;

/**
 * How long submissions are. Drivers of real GPUs end what runs for seconds, and a desktop stutters long before: there a step is
 * submitted in pieces of about 0.1 s at most. A CPU adapter takes it in one.
 */
export class Pace {
  private readonly known = new Map<number, { done: number; ms: number | null }>();

  /**
   * @param untimed commands of a submission as long as the step's time is not known
   * @param most commands of any submission
   */
  constructor(
    private readonly gpu: GPUDevice,
    private readonly options: { readonly split: boolean; readonly untimed: number; readonly most: number },
  ) {}

  /** @param commands of the step */
  commandsPerSubmit(commands: number): number {
    const { split, untimed, most } = this.options;
    if (!split) return most;
    const ms = this.known.get(commands)?.ms;
    if (ms === undefined || ms === null) return Math.min(untimed, most);
    return Math.min(most, Math.max(fewest, Math.floor((commands * submissionMs) / ms)));
  }

  /** Takes the time between the ends of a step's first two replays: at least what the second one took. */
  afterReplay(commands: number): void {
    if (!this.options.split || this.known.get(commands)?.ms) return;
    this.gpu.queue.onSubmittedWorkDone().then(
      () => {
        const now = performance.now();
        const before = this.known.get(commands);
        if (before?.ms) return;
        this.known.set(commands, { done: now, ms: before ? Math.max(0.01, now - before.done) : null });
      },
      () => undefined,
    );
  }
}
