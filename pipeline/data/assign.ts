import type { Rng } from "../../engine/rng.js";

/** What is assigned as a whole: one image, or all labelled images of one group. */
export interface Unit {
  /** Indices into `Dataset.images`. */
  members: number[];
  /** [class, number of members of that class] for the classes that occur. */
  counts: [number, number][];
}

/** One part to fill: how many images of each class it should get, and how many units of each class it needs at least. */
export interface Bin {
  target: readonly number[];
  least: number;
}

/** images[bin][class] and units[bin][class] so far. */
interface Fill {
  images: number[][];
  units: number[][];
  size: number[];
}

const EMPTY_TARGET = 1e-9;

function put(fill: Fill, bin: number, unit: Unit, sign: 1 | -1): void {
  for (const [label, count] of unit.counts) {
    fill.images[bin]![label]! += sign * count;
    fill.units[bin]![label]! += sign;
  }
  fill.size[bin]! += sign * unit.members.length;
}

/**
 * Change of sum over classes of (filled - target)^2 / target, when `unit` joins the bin. For units of one image the least
 * change is the Sainte-Lague rule, so that every class ends within one image of its target.
 */
function cost(fill: Fill, bins: readonly Bin[], bin: number, unit: Unit): number {
  let sum = 0;
  for (const [label, count] of unit.counts) {
    const target = Math.max(bins[bin]!.target[label]!, EMPTY_TARGET);
    sum += (count * (2 * (fill.images[bin]![label]! - target) + count)) / target;
  }
  return sum;
}

/** The bin of least cost; of equals the least filled one, so that the bins' totals stay level too. */
function cheapest(fill: Fill, bins: readonly Bin[], unit: Unit): number {
  let best = -1;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let bin = 0; bin < bins.length; bin++) {
    const here = cost(fill, bins, bin, unit);
    const tie = Math.abs(here - bestCost) <= 1e-9 * Math.abs(here);
    if (best < 0 || (tie ? fill.size[bin]! < fill.size[best]! : here < bestCost)) [best, bestCost] = [bin, here];
  }
  return best;
}

/** Moves units into bins that lack a class, as long as no giver then falls below its own minimum. */
function repair(units: readonly Unit[], bins: readonly Bin[], classes: number, fill: Fill, part: Int32Array): void {
  const has = (bin: number, label: number) => fill.units[bin]![label]!;
  for (let bin = 0; bin < bins.length; bin++) {
    for (let label = 0; label < classes; label++) {
      while (has(bin, label) < bins[bin]!.least) {
        const gives = (u: number) => {
          const from = part[u]!;
          const unit = units[u]!;
          return (
            from !== bin &&
            unit.counts.some(([c]) => c === label) &&
            unit.counts.every(([c]) => has(from, c) > bins[from]!.least)
          );
        };
        let giver = -1;
        for (let u = 0; u < units.length; u++) {
          if (gives(u) && (giver < 0 || units[u]!.members.length < units[giver]!.members.length)) giver = u;
        }
        if (giver < 0) break;
        put(fill, part[giver]!, units[giver]!, -1);
        put(fill, bin, units[giver]!, 1);
        part[giver] = bin;
      }
    }
  }
}

/**
 * Distributes units over bins so that each bin comes close to its target number of images per class: greedy, the largest
 * units first and equal ones in random order, each into the bin where it helps most; then units move to bins that
 * would lack a class. With units of one image every class is within one image of its target.
 *
 * @param units what to distribute
 * @param bins targets; for each class they must add up to the number of its images
 * @param rng source of the order; same units and same state give the same result
 * @returns the bin of each unit
 */
export function assignUnits(units: readonly Unit[], bins: readonly Bin[], classes: number, rng: Rng): Int32Array {
  const grid = () => bins.map(() => new Array<number>(classes).fill(0));
  const fill: Fill = { images: grid(), units: grid(), size: bins.map(() => 0) };
  const order = rng.shuffle(units.map((_, i) => i));
  order.sort((a, b) => units[b]!.members.length - units[a]!.members.length);
  const part = new Int32Array(units.length).fill(-1);
  for (const u of order) {
    part[u] = cheapest(fill, bins, units[u]!);
    put(fill, part[u]!, units[u]!, 1);
  }
  repair(units, bins, classes, fill, part);
  return part;
}
