/** A curve of any length kept in bounded memory: neighbouring points share a bucket, twice as wide whenever they run out. */

/** Neighbouring points of a curve. */
export interface Bucket {
  /** Mean position. */
  x: number;
  mean: number;
  low: number;
  high: number;
  /** How many points. */
  n: number;
}

/** Most buckets kept: a chart is about 400 pixels wide. */
const MOST = 320;

/** Points (x, y) with rising x, added one at a time. Values that are not finite are counted and left out. */
export class Series {
  readonly buckets: Bucket[] = [];
  /** Values seen that were null, NaN or infinite. */
  unusable = 0;
  private stride = 1;

  add(x: number, y: number | null): void {
    if (y === null || !Number.isFinite(y)) {
      this.unusable += 1;
      return;
    }
    const last = this.buckets.at(-1);
    const point = { x, mean: y, low: y, high: y, n: 1 };
    if (last && last.n < this.stride) this.buckets[this.buckets.length - 1] = join(last, point);
    else this.buckets.push(point);
    if (this.buckets.length > MOST) this.halve();
  }

  get empty(): boolean {
    return this.buckets.length === 0;
  }

  /** Moving mean over a share of the curve (0..1), one value per bucket; one-sided at both ends. */
  smoothed(share = 0.05): { x: number; y: number }[] {
    const reach = Math.round((this.buckets.length * share) / 2);
    return this.buckets.map(({ x }, i) => {
      const near = this.buckets.slice(Math.max(0, i - reach), i + reach + 1);
      const n = near.reduce((total, b) => total + b.n, 0);
      return { x, y: near.reduce((total, b) => total + b.mean * b.n, 0) / n };
    });
  }

  private halve(): void {
    const { buckets } = this;
    const half = Math.ceil(buckets.length / 2);
    for (let i = 0; i < half; i++) {
      const second = buckets[2 * i + 1];
      buckets[i] = second ? join(buckets[2 * i]!, second) : buckets[2 * i]!;
    }
    buckets.length = half;
    this.stride *= 2;
  }
}

function join(a: Bucket, b: Bucket): Bucket {
  const n = a.n + b.n;
  return {
    x: (a.x * a.n + b.x * b.n) / n,
    mean: (a.mean * a.n + b.mean * b.n) / n,
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
    n,
  };
}
