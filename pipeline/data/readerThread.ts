import { Worker } from "node:worker_threads";
import { UserError } from "../../engine/errors.js";
import type { PackedPatches, PatchRequest } from "./reader.js";
import { closedMessage, type ReaderPort } from "./source.js";
import type { WorkerReply, WorkerRequest, WorkerSetup } from "./worker.js";

interface Waiting {
  resolve(packed: PackedPatches): void;
  reject(error: Error): void;
}

function revive({ name, message }: { name: string; message: string }): Error {
  if (name === "UserError") return new UserError(message);
  if (name === "RangeError") return new RangeError(message);
  return new Error(`${name} in a decoding thread: ${message}`);
}

/**
 * A `PatchReader` in a worker thread. Whatever ends the thread rejects what is waiting, so nothing hangs; the thread keeps the
 * process alive only while an answer is due.
 */
export class ReaderThread implements ReaderPort {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  private ended: Error | null = null;

  constructor(entry: URL, setup: WorkerSetup) {
    this.worker = new Worker(entry, { workerData: setup });
    this.worker.on("message", (reply: WorkerReply) => this.settle(reply));
    this.worker.on("messageerror", (error) => this.end(error));
    this.worker.on("error", (error) => this.end(error as Error));
    this.worker.on("exit", (code) => this.end(new Error(`a decoding thread ended unexpectedly (code ${code})`)));
    this.worker.unref();
  }

  read(request: PatchRequest): Promise<PackedPatches> {
    if (this.ended !== null) return Promise.reject(this.ended);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.ref();
      const message: WorkerRequest = { id, request };
      this.worker.postMessage(message);
    });
  }

  async close(): Promise<void> {
    this.end(new Error(closedMessage));
    await this.worker.terminate();
  }

  private settle(reply: WorkerReply): void {
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (this.waiting.size === 0) this.worker.unref();
    if ("error" in reply) waiting?.reject(revive(reply.error));
    else waiting?.resolve(reply.packed);
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
    this.worker.unref();
  }
}
