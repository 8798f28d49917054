import { existsSync } from "node:fs";
import { join } from "node:path";
import { interruptible } from "../cli/interrupt.js";
import type { Session } from "../cli/session.js";

/** Draws the tiny synthetic set into a folder, unless it is there already. */
export async function makeImages(session: Session, data: string, seed: number): Promise<void> {
  if (existsSync(join(data, "synth.json"))) {
    session.say(`using the synthetic images in ${data}`);
    return;
  }
  session.say(`making synthetic phase-contrast colonies in ${data}`);
  const onProgress = (done: number, total: number) => session.progress.update({ label: "images", done, total });
  await interruptible(
    session,
    (signal) => session.actions.synthesise(data, { preset: "tiny", seed, onProgress, signal }),
    () => "nothing was kept; start it again",
  );
}
