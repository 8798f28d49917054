import type { RunLog } from "./types.js";

/** Notes that are told one by one: a data set of one camera has the same note for every image. */
const most = 3;

/** Warns of what is odd about images; of many, the first few and how many there are more. */
export function tellNotes(notes: readonly string[], log: Pick<RunLog, "warn">): void {
  for (const note of notes.slice(0, most)) log.warn(note);
  if (notes.length > most) log.warn(`${notes.length - most} further images have such a note`);
}
