/** How long the past is that counts, ms. */
const windowMs = 5000;

interface Seen {
  readonly label: string;
  readonly done: number;
  readonly at: number;
}

/** Steps per second over the last seconds, by the clock of who does them: the page may hear of many at once when it comes to the front. */
export class Speed {
  private seen: readonly Seen[] = [];
  private last: number | null = null;

  /**
   * @param label of what goes on; another one begins anew
   * @param at when `done` was reached, ms
   * @returns steps per second; null: not known yet
   */
  add(label: string, done: number, at: number): number | null {
    this.seen = [...this.seen.filter((one) => one.label === label && at - one.at < windowMs), { label, done, at }];
    const first = this.seen[0] as Seen;
    if (this.seen.length === 1) this.last = null;
    else if (at > first.at && done > first.done) this.last = ((done - first.done) / (at - first.at)) * 1000;
    return this.last;
  }
}
