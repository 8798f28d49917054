/** Mean probabilities of overlapping patches. Needs no Node. */
import type { Corner } from "../data/patches.js";
import { argmax } from "../metrics.js";

/** What is known about the pixels of one cell. */
export interface Cell {
  /** Most probable class; of equal ones the first. */
  readonly label: number;
  readonly mean: ArrayLike<number>;
}

/**
 * Sums probabilities per pixel. Between two edges of patches all pixels are covered by the same ones, so what is kept is a grid of
 * cells between edges and not pixels: a patch of stride s adds to (2 size / s)^2 cells instead of size^2 pixels, with the same result.
 */
export class Blend {
  private readonly ys: number[];
  private readonly xs: number[];
  /** Per cell: sums of probabilities of the patches that count, and of the others; then how many each. */
  private readonly sums: Float64Array;
  private readonly counts: Uint32Array;
  private readonly cells = new Map<number, Cell>();

  /** @param corners of all patches that will be added @param size their side, px */
  constructor(
    corners: readonly Corner[],
    private readonly size: number,
    private readonly classes: number,
  ) {
    this.ys = edges(
      corners.map(({ y }) => y),
      size,
    );
    this.xs = edges(
      corners.map(({ x }) => x),
      size,
    );
    const cells = this.ys.length * this.xs.length;
    this.sums = new Float64Array(cells * 2 * classes);
    this.counts = new Uint32Array(cells * 2);
  }

  /** Adds the answer for a patch. @param counts false: it is taken only where no patch that counts covers a pixel */
  add({ y, x }: Corner, probabilities: ArrayLike<number>, counts: boolean): void {
    const { classes, xs } = this;
    const kind = counts ? 0 : 1;
    for (let row = this.row(y); row < this.row(y + this.size); row++)
      for (let column = this.column(x); column < this.column(x + this.size); column++) {
        const at = 2 * (row * xs.length + column) + kind;
        this.counts[at]!++;
        for (let c = 0; c < classes; c++) this.sums[at * classes + c]! += probabilities[c]!;
      }
  }

  /** Row of cells that pixel row y lies in. */
  row(y: number): number {
    return place(this.ys, y);
  }

  column(x: number): number {
    return place(this.xs, x);
  }

  /** @throws RangeError for a cell that no patch covers */
  cell(row: number, column: number): Cell {
    const key = row * this.xs.length + column;
    const known = this.cells.get(key);
    if (known) return known;
    const at = 2 * key + (this.counts[2 * key]! > 0 ? 0 : 1);
    const n = this.counts[at] ?? 0;
    if (n === 0) throw new RangeError(`classMap: no patch covers the pixels of cell ${row}, ${column}`);
    const mean = this.sums.slice(at * this.classes, (at + 1) * this.classes).map((sum) => sum / n);
    const cell = { label: argmax(mean), mean };
    this.cells.set(key, cell);
    return cell;
  }
}

/** Sorted starts and ends of stretches, none twice. */
function edges(starts: readonly number[], size: number): number[] {
  return [...new Set(starts.flatMap((start) => [start, start + size]))].sort((a, b) => a - b);
}

/** Index of the last edge that is not behind `value`, by bisection; -1 before the first. */
function place(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
