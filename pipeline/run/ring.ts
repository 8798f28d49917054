import type { Device, Tensor } from "../../engine/index.js";
import type { StepScalars } from "../stepState.js";

/** Scalars of one step as read back. */
export interface ScalarRow {
  readonly step: number;
  readonly values: readonly number[];
}

/**
 * Collects the scalars of several steps on the GPU and reads them in one go, one block behind the steps, so that no step
 * waits for a read.
 */
export class ScalarRing {
  private readonly buffer: Tensor;
  private readonly steps: number[] = [];
  private inFlight: Promise<ScalarRow[]> | null = null;

  /** @param width scalars of a step, at least 2 or exactly 1 @param capacity steps of a block */
  constructor(
    private readonly device: Device,
    private readonly width: number,
    private readonly capacity: number,
  ) {
    this.buffer = device.zeros([capacity * width], "scalar ring");
  }

  /** Adds a step's scalars. When a block is full, its read begins, and the rows of the block before are returned. */
  async push(step: number, scalars: StepScalars<string>): Promise<ScalarRow[]> {
    this.device.copyRange(scalars.values, 0, this.buffer, this.steps.length * this.width * 4, this.width * 4);
    this.steps.push(step);
    if (this.steps.length < this.capacity) return [];
    const before = this.inFlight;
    this.inFlight = this.read();
    return before ? await before : [];
  }

  /** All rows that have not been returned yet. */
  async drain(): Promise<ScalarRow[]> {
    const before = (await this.inFlight) ?? [];
    this.inFlight = null;
    return this.steps.length > 0 ? [...before, ...(await this.read())] : before;
  }

  async release(): Promise<void> {
    await this.inFlight?.catch(() => undefined);
    this.device.release(this.buffer);
  }

  private read(): Promise<ScalarRow[]> {
    const steps = this.steps.splice(0);
    const rows = this.device
      .read(this.buffer)
      .then((values) =>
        steps.map((step, i) => ({ step, values: [...values.subarray(i * this.width, (i + 1) * this.width)] })),
      );
    // Whoever waits for the rows sees the error.
    rows.catch(() => undefined);
    return rows;
  }
}
