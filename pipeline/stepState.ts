import type { CapturedStep, Device, Tensor } from "../engine/index.js";
import type { Network } from "../models/index.js";

/** Dropout of a step: probability, and [seed, step] on the GPU. */
export interface Dropout {
  readonly p: number;
  readonly state: Tensor;
}

/** Scalars that a step leaves on the GPU, side by side, until somebody reads them. */
export class StepScalars<Name extends string> {
  /** f32 [names]. */
  readonly values: Tensor;

  constructor(
    private readonly device: Device,
    readonly names: readonly Name[],
  ) {
    this.values = device.zeros([names.length], "step scalars");
  }

  /** Copies one-element tensors to their places. */
  store(scalars: { readonly [K in Name]?: Tensor }): void {
    this.names.forEach((name, i) => {
      const scalar: Tensor | undefined = scalars[name];
      if (scalar) this.device.copyRange(scalar, 0, this.values, i * 4, 4);
    });
  }

  release(): void {
    this.device.release(this.values);
  }
}

/** What a network's own counters of forward passes advance by in a step. */
type Advance = ReadonlyMap<string, number>;

interface Repeatable {
  readonly captured: CapturedStep;
  readonly advances: readonly Advance[];
}

/**
 * The GPU work of a step that repeats: run eagerly and captured the first time, replayed from then on. Work of another shape (a
 * smaller batch) is captured on its own. Replays advance the networks' counters as the work itself does.
 */
export class RepeatedWork {
  private readonly known = new Map<string, Repeatable>();

  /** @param networks whose forward passes the work runs */
  constructor(
    private readonly device: Device,
    private readonly networks: readonly Network[],
  ) {}

  /**
   * @param shape tells works of different shapes apart
   * @param work writes and reads no host values; it is the same for the same shape
   */
  run(shape: string, work: () => void): void {
    const known = this.known.get(shape);
    if (known) this.repeat(known);
    else if (this.device.captures) this.known.set(shape, this.captured(work));
    else work();
  }

  /** Compiles what the work needs, without running it. @param onProgress see `Device.precompile` */
  precompile(work: () => void, onProgress: (done: number, total: number) => void): Promise<void> {
    return this.device.precompile(() => {
      const before = this.counters();
      work();
      for (const [i, { batchesTracked }] of this.networks.entries())
        for (const [name, n] of before[i] as Advance) batchesTracked.set(name, n);
    }, onProgress);
  }

  private captured(work: () => void): Repeatable {
    const before = this.counters();
    const captured = this.device.capture(work);
    const advances = this.counters().map((after, i) => difference(after, before[i] as Advance));
    return { captured, advances };
  }

  private repeat({ captured, advances }: Repeatable): void {
    captured.replay();
    for (const [i, { batchesTracked }] of this.networks.entries())
      for (const [name, n] of advances[i] as Advance) batchesTracked.set(name, (batchesTracked.get(name) ?? 0) + n);
  }

  private counters(): Advance[] {
    return this.networks.map(({ batchesTracked }) => new Map(batchesTracked));
  }

  release(): void {
    for (const { captured } of this.known.values()) captured.release();
    this.known.clear();
  }
}

function difference(after: Advance, before: Advance): Advance {
  return new Map([...after].map(([name, n]) => [name, n - (before.get(name) ?? 0)]));
}
