import { AnsweringThread } from "../thread.js";
import type { PackedPatches, PatchRequest } from "./reader.js";
import { closedMessage, type ReaderPort } from "./source.js";
import type { WorkerSetup } from "./worker.js";

/** A `PatchReader` in a worker thread. */
export class ReaderThread implements ReaderPort {
  private readonly thread: AnsweringThread<PatchRequest, PackedPatches>;

  constructor(entry: URL, setup: WorkerSetup) {
    this.thread = new AnsweringThread(entry, setup, "a decoding thread");
  }

  read(request: PatchRequest): Promise<PackedPatches> {
    return this.thread.ask(request);
  }

  close(): Promise<void> {
    return this.thread.close(closedMessage);
  }
}
