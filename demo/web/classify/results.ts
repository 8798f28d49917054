import { effect, type Signal, signal } from "@preact/signals";
import { argmax, entropyBits } from "../../../pipeline/metrics.js";
import type { Well } from "../find/wells.js";
import { wells } from "../find/wells.js";
import { network } from "../state.js";
import type { ColonyMap, NetworkFacts } from "../worker/classifyService.js";

/** What the section Classify knows. */

/** What the network says of one colony. */
export interface Verdict {
  readonly well: Well;
  /** Number of the colony in its well, from 1. */
  readonly number: number;
  readonly probabilities: ArrayLike<number>;
  /** Index of the most probable class. */
  readonly predicted: number;
  /** Bits: 0 is certain, log2 of the number of classes undecided. */
  readonly entropy: number;
}

/** The network that is loaded in the worker; null: none yet. */
export const facts: Signal<NetworkFacts | null> = signal(null);
/** Patches averaged per colony. */
export const patches: Signal<number> = signal(5);
export const verdicts: Signal<readonly Verdict[]> = signal([]);
/** What is pointed out in the list and in the image. */
export const shown: Signal<Verdict | null> = signal(null);
export const map: Signal<{ readonly verdict: Verdict; readonly map: ColonyMap } | null> = signal(null);

// What a network said holds for that network, and for colonies that are still the same.
effect(() => {
  network.value;
  forget(() => true);
});
effect(() => {
  const found = new Map(wells.value.map((well) => [well.id, well.found]));
  forget(({ well }) => found.get(well.id) !== well.found);
});

function forget(isOver: (verdict: Verdict) => boolean): void {
  const before = verdicts.peek();
  const kept = before.filter((verdict) => !isOver(verdict));
  if (kept.length === before.length) return;
  verdicts.value = kept;
  if (shown.peek() && !kept.includes(shown.peek() as Verdict)) shown.value = null;
  if (map.peek() && !kept.includes(map.peek()?.verdict as Verdict)) map.value = null;
}

export function verdictOf(well: Well, number: number, probabilities: ArrayLike<number>): Verdict {
  return { well, number, probabilities, predicted: argmax(probabilities), entropy: entropyBits(probabilities) };
}

/** Id of the button that maps a colony. */
export function mapButton({ well, number }: Verdict): string {
  return `map-${well.id}-${number}`;
}

/** Most uncertain first. */
export function byUncertainty(all: readonly Verdict[]): Verdict[] {
  return [...all].sort((a, b) => b.entropy - a.entropy);
}

/** "Dense 62 %, Spread 35 %": the classes that say most, up to three of 1 % or more. */
export function inWords({ probabilities }: Verdict, classes: readonly string[]): string {
  return classes
    .map((name, c) => ({ name, p: probabilities[c] as number }))
    .sort((a, b) => b.p - a.p)
    .slice(0, 3)
    .filter(({ p }, i) => i === 0 || p >= 0.01)
    .map(({ name, p }) => `${name} ${(100 * p).toFixed(0)} %`)
    .join(", ");
}
