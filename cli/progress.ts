import { duration } from "../pipeline/format.js";
import type { Sink } from "./session.js";

/** Where a piece of work stands. */
export interface ProgressUpdate {
  /** What is being done: `pre-training`, `epoch 3 of 10`. A new label starts a new measurement of time. */
  label: string;
  done: number;
  total: number;
  /** Something to show behind it, such as the loss. */
  note?: string | undefined;
}

export interface ProgressOptions {
  /** Clock in milliseconds. */
  now?: () => number;
  /** Least time between two lines where there is no terminal, ms. */
  lineEvery?: number;
}

/** Least time between two drawings of the bar, ms. */
const drawEvery = 100;
const barWidth = 24;

/**
 * Progress with the time left: a bar that is redrawn in a terminal, now and then a plain line elsewhere. Other lines that
 * are written meanwhile must go through {@link Progress.line}, which keeps the bar below them.
 */
export class Progress {
  private label = "";
  private startedAt = 0;
  private startedDone = 0;
  private shownAt = Number.NEGATIVE_INFINITY;
  protected drawn = false;
  private readonly now: () => number;
  private readonly lineEvery: number;

  constructor(
    protected readonly sink: Sink,
    { now = Date.now, lineEvery = 10_000 }: ProgressOptions = {},
  ) {
    this.now = now;
    this.lineEvery = lineEvery;
  }

  update(update: ProgressUpdate): void {
    const now = this.now();
    const isNew = update.label !== this.label;
    if (isNew) {
      this.leave();
      this.label = update.label;
      this.startedAt = now;
      this.startedDone = update.done;
    }
    const wait = this.sink.isTTY ? drawEvery : this.lineEvery;
    if (!isNew && update.done < update.total && now - this.shownAt < wait) return;
    this.shownAt = now;
    const text = this.describe(update, (now - this.startedAt) / 1000);
    if (this.sink.isTTY) this.draw(`${bar(update)} ${text}`);
    else this.sink.write(`${text}\n`);
  }

  /** Writes a line of text, above the bar if there is one. */
  line(text: string): void {
    this.erase();
    this.sink.write(`${text}\n`);
    if (this.sink.isTTY) this.shownAt = Number.NEGATIVE_INFINITY;
  }

  /** Leaves the bar as it stands and starts afresh below it. */
  finish(): void {
    if (this.drawn) this.sink.write("\n");
    this.drawn = false;
    this.label = "";
  }

  private describe({ label, done, total, note }: ProgressUpdate, seconds: number): string {
    const share = total > 0 ? Math.floor((100 * done) / total) : 100;
    const fresh = done - this.startedDone;
    const left = fresh > 0 && done < total ? `, ${duration((seconds / fresh) * (total - done))} left` : "";
    const took = done >= total ? `, ${duration(seconds)}` : "";
    return `${label} ${done}/${total} (${share} %)${left}${took}${note ? ` · ${note}` : ""}`;
  }

  /** What becomes of the bar when another piece of work begins. */
  protected leave(): void {
    this.finish();
  }

  protected draw(text: string): void {
    const width = Math.max(20, (this.sink.columns ?? 80) - 1);
    this.sink.write(`\r\u001b[2K${text.slice(0, width)}`);
    this.drawn = true;
  }

  protected erase(): void {
    if (this.drawn) this.sink.write("\r\u001b[2K");
    this.drawn = false;
  }
}

function bar({ done, total }: ProgressUpdate): string {
  const filled = total > 0 ? Math.min(barWidth, Math.floor((barWidth * done) / total)) : barWidth;
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}]`;
}
