import type { Evaluation } from "../metrics.js";
import type { RunState } from "./checkpoint.js";
import { nonFiniteError } from "./health.js";
import type { Phase } from "./phase.js";
import type { ScalarRow } from "./ring.js";
import type { RunLines } from "./store.js";

/** Makes the lines of `metrics.jsonl` from the scalars of steps: means over `logEvery` steps, and over an epoch. */
export class StepMetrics {
  /** Time in which the host gave the GPU the work of this epoch's steps, and time in all, s. */
  private readonly host = { own: 0, total: 0 };

  /** @param state the window and the sums that are not written yet are kept there, for checkpoints */
  constructor(
    private readonly lines: RunLines,
    private readonly state: RunState,
    private readonly logEvery: number,
  ) {}

  /** First scalar of the last step since the last line; undefined right after one. */
  get lastLoss(): number | undefined {
    return this.state.window.at(-1)?.[0];
  }

  /**
   * Takes over scalars of steps, and writes a line where `logEvery` steps are complete.
   * @param lastGood the last checkpoint, for the message
   * @throws UserError for one that is not finite
   */
  record(phase: Phase, rows: readonly ScalarRow[], lastGood: string | null): void {
    const { state } = this;
    for (const { step, values } of rows) {
      refuseNonFinite(phase, step, values, lastGood);
      state.window.push([...values]);
      values.forEach((v, i) => {
        state.epochSums[i] = (state.epochSums[i] ?? 0) + v;
      });
      state.epochSteps++;
      if ((step + 1) % this.logEvery !== 0 && step + 1 !== phase.length.totalSteps) continue;
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

  /** @param own, total ms of the epoch in which the host made work, and that went by */
  addTime(own: number, total: number): void {
    this.state.epochSeconds += total / 1000;
    this.host.own += own / 1000;
    this.host.total += total / 1000;
  }

  /** Writes the line of an epoch and begins the next. @returns the epoch's mean scalars */
  endEpoch(phase: Phase, epoch: number, evaluation: Evaluation | null): number[] {
    const { state, host } = this;
    const means = state.epochSums.map((sum) => sum / Math.max(1, state.epochSteps));
    this.line({
      kind: phase.kinds.epoch,
      epoch,
      seconds: round(state.epochSeconds),
      ...phase.epochLine(means),
      ...(host.total > 0 && { hostShare: round(host.own / host.total) }),
      ...(evaluation && { validation: validationLine(evaluation) }),
    });
    Object.assign(state, { epochSums: [], epochSteps: 0, epochSeconds: 0 });
    Object.assign(host, { own: 0, total: 0 });
    return means;
  }

  private line(entry: Record<string, unknown>): void {
    this.lines.append(JSON.stringify(entry));
  }
}

function refuseNonFinite(phase: Phase, step: number, values: readonly number[], lastGood: string | null): void {
  const bad = values.findIndex((v) => !Number.isFinite(v));
  if (bad < 0) return;
  throw nonFiniteError(phase, step, `${phase.scalars.names[bad]} became ${values[bad]}`, lastGood);
}

/** What the line of an epoch says of the validation part. */
function validationLine({ balancedAccuracy, loss, confusion }: Evaluation) {
  return { balancedAccuracy, loss, confusion };
}

function columnMeans(rows: readonly (readonly number[])[]): number[] {
  return (rows[0] ?? []).map((_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length);
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
