/**
 * Worker thread: receives a `SynthJob` as worker data and then lists of image indices; answers each list with its records. It
 * makes the plan itself, so only numbers travel. `null` ends it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { planJob, renderImage, type SynthJob, type SynthRecord } from "./render.js";

export interface SynthAnswer {
  readonly indices: readonly number[];
  readonly records: readonly SynthRecord[];
  readonly bytes: number;
}

async function serve(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error("pipeline/synth/worker must be started as a worker thread");
  const job = workerData as SynthJob;
  const plan = planJob(job);
  let previous = Promise.resolve();
  port.on("message", (indices: readonly number[] | null) => {
    if (indices === null) {
      port.close();
      return;
    }
    previous = previous.then(async () => {
      const records: SynthRecord[] = [];
      let bytes = 0;
      for (const index of indices) {
        const done = await renderImage(job, plan[index]!);
        records.push(done.record);
        bytes += done.bytes;
      }
      port.postMessage({ indices, records, bytes } satisfies SynthAnswer);
    });
  });
}

await serve();
