import type { RunState } from "./state.js";

/** Seconds that a run will take, by those of its configuration that are done; null while there is none. */
export function expectedSeconds(run: RunState, all: readonly RunState[]): number | null {
  const known = all.flatMap((other) => (other.label === run.label && other.finished ? [other.finished.seconds] : []));
  return known.length === 0 ? null : known.reduce((a, b) => a + b) / known.length;
}
