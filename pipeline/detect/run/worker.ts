/** Thread that reads images or writes outputs for `detectRun.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { lowerThreadPriority } from "../../../engine/courtesy.js";
import { answerRequests } from "../../thread.js";
import { type JobName, JobRunner } from "./jobs.js";

export interface JobRequest {
  readonly job: JobName;
  readonly request: unknown;
}

export interface JobSetup {
  /** Leave the cores to the adapter, which computes on the CPU. */
  readonly yielding: boolean;
}

if (parentPort !== null) {
  if ((workerData as JobSetup).yielding) lowerThreadPriority();
  const runner = new JobRunner();
  answerRequests<JobRequest, unknown>(
    parentPort,
    ({ job, request }) => (runner[job] as (request: unknown) => Promise<unknown>).call(runner, request),
    (value) => {
      const pixels = (value as { pixels?: Uint8Array } | undefined)?.pixels;
      return pixels ? [pixels.buffer] : [];
    },
  );
}
