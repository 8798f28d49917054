import { existsSync } from "node:fs";
import { AnsweringThread } from "../../thread.js";
import { type JobName, JobRunner, type Jobs } from "./jobs.js";
import type { JobRequest, JobSetup } from "./worker.js";

/** Something that does jobs: a thread, or the main thread itself. */
export interface JobPort extends Jobs {
  close(): Promise<void>;
}

/** The built worker beside this module; null when this module runs from its TypeScript source. */
export function findWorker(): URL | null {
  const url = new URL("./worker.js", import.meta.url);
  return existsSync(url) ? url : null;
}

/** @param worker null: in the main thread @param yielding the adapter computes on the CPU: the thread leaves it the cores */
export function openPort(worker: URL | null, yielding: boolean): JobPort {
  return worker ? new JobThread(worker, { yielding }) : new JobRunner();
}

class JobThread implements JobPort {
  private readonly thread: AnsweringThread<JobRequest, unknown>;

  constructor(entry: URL, setup: JobSetup) {
    this.thread = new AnsweringThread(entry, setup, "a thread of the detection");
  }

  open: Jobs["open"] = (request) => this.ask("open", request);
  read: Jobs["read"] = (request) => this.ask("read", request);
  write: Jobs["write"] = (request) => this.ask("write", request);

  close(): Promise<void> {
    return this.thread.close("the thread is closed");
  }

  private ask<K extends JobName>(job: K, request: Parameters<Jobs[K]>[0]): ReturnType<Jobs[K]> {
    return this.thread.ask({ job, request }) as ReturnType<Jobs[K]>;
  }
}
