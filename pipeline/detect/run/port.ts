import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { UserError } from "../../../engine/errors.js";
import { type JobName, JobRunner, type Jobs } from "./jobs.js";
import type { JobReply, JobRequest, JobSetup } from "./worker.js";

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

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Whatever ends the thread rejects what is waiting, so nothing hangs; it keeps the process alive only while an answer is due. */
class JobThread implements JobPort {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  private ended: Error | null = null;

  constructor(entry: URL, setup: JobSetup) {
    this.worker = new Worker(entry, { workerData: setup });
    this.worker.on("message", (reply: JobReply) => this.settle(reply));
    this.worker.on("messageerror", (error) => this.end(error));
    this.worker.on("error", (error) => this.end(error as Error));
    this.worker.on("exit", (code) =>
      this.end(new Error(`a thread of the detection ended unexpectedly (code ${code})`)),
    );
    this.worker.unref();
  }

  open: Jobs["open"] = (request) => this.call("open", request);
  read: Jobs["read"] = (request) => this.call("read", request);
  write: Jobs["write"] = (request) => this.call("write", request);

  async close(): Promise<void> {
    this.end(new Error("the thread is closed"));
    await this.worker.terminate();
  }

  private call<K extends JobName>(job: K, request: Parameters<Jobs[K]>[0]): ReturnType<Jobs[K]> {
    if (this.ended) return Promise.reject(this.ended) as ReturnType<Jobs[K]>;
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.ref();
      this.worker.postMessage({ id, job, request } satisfies JobRequest);
    }) as ReturnType<Jobs[K]>;
  }

  private settle(reply: JobReply): void {
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (this.waiting.size === 0) this.worker.unref();
    if ("value" in reply) waiting?.resolve(reply.value);
    else waiting?.reject(revive(reply.error));
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
    this.worker.unref();
  }
}

function revive({ name, message }: { name: string; message: string }): Error {
  return name === "UserError" ? new UserError(message) : new Error(`${name} in a thread of the detection: ${message}`);
}
