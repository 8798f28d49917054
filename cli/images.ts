import type { ImageSummary } from "./actions.js";
import { table } from "./format.js";
import type { Session } from "./session.js";

/** Writes what a command that makes a folder of images has made, and how to go on. */
export function showImages(session: Session, out: string, summary: ImageSummary): void {
  const counts = Object.entries(summary.counts).map(([name, count]) => [name, String(count)]);
  const text = table([...counts, ["all", String(summary.images)]]);
  session.result({ out, ...summary }, `${text}\n\ntrain on them: ${session.command("train", "--data", out)}`);
}
