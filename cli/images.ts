import { join } from "node:path";
import type { ImageSummary, SynthOptions } from "./actions.js";
import { table } from "./format.js";
import { interruptible } from "./interrupt.js";
import type { Session } from "./session.js";

/**
 * Runs work that makes a folder of images: shows how far it is, can be stopped, and ends with the counts and how to go on.
 * @param label what is being done, for the progress
 */
export async function makeImages(
  session: Session,
  out: string,
  label: string,
  work: (hooks: Pick<SynthOptions, "onProgress" | "signal">) => Promise<ImageSummary>,
): Promise<void> {
  const onProgress = (done: number, total: number) => session.progress.update({ label, done, total });
  const summary = await interruptible(
    session,
    (signal) => work({ onProgress, signal }),
    () => "no image was kept",
  );
  session.result({ out, ...summary }, describe(session, out, summary));
}

function describe(session: Session, out: string, { images, counts, testCounts }: ImageSummary): string {
  const rows = Object.entries(counts).map(([name, count]) => [name, String(count)]);
  const next = [`train on them: ${session.command("train", "--data", out)}`];
  if (testCounts !== undefined) {
    next.push(`then test on the second set: ${session.command("evaluate", "RUN", "--data", join(out, "test"))}`);
  }
  return `${table([...rows, ["all", String(images)]])}\n\n${next.join("\n")}`;
}
