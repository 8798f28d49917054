/** Thread that reads images or writes outputs for `detectRun.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { lowerThreadPriority } from "../../../engine/courtesy.js";
import { type JobName, JobRunner } from "./jobs.js";

export interface JobRequest {
  readonly id: number;
  readonly job: JobName;
  readonly request: unknown;
}

/** An error crosses the thread border as name and message. */
export type JobReply = { id: number } & ({ value: unknown } | { error: { name: string; message: string } });

export interface JobSetup {
  /** Leave the cores to the adapter, which computes on the CPU. */
  readonly yielding: boolean;
}

async function answer(runner: JobRunner, { id, job, request }: JobRequest): Promise<JobReply> {
  try {
    return { id, value: await (runner[job] as (request: unknown) => Promise<unknown>).call(runner, request) };
  } catch (error) {
    const { name, message } = error as Error;
    return { id, error: { name, message } };
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  if ((workerData as JobSetup).yielding) lowerThreadPriority();
  const runner = new JobRunner();
  port.on("message", async (message: JobRequest) => {
    const reply = await answer(runner, message);
    const pixels = "value" in reply ? (reply.value as { pixels?: Uint8Array } | undefined)?.pixels : undefined;
    port.postMessage(reply, pixels ? [pixels.buffer as ArrayBuffer] : []);
  });
}

if (parentPort !== null) serve(parentPort);
