/** Requests to a worker thread of Node and their answers: both ends. */
import { type MessagePort, Worker } from "node:worker_threads";
import { UserError } from "../engine/errors.js";

interface Call<Request> {
  readonly id: number;
  readonly request: Request;
}

/** An error crosses the thread border as name and message; the asking end makes the same kind of error of it again. */
type Reply<Answer> = { readonly id: number } & (
  | { readonly answer: Answer }
  | { readonly error: { readonly name: string; readonly message: string } }
);

interface Waiting<Answer> {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/**
 * The end that asks. Whatever ends the thread rejects what is waiting, so nothing hangs; the thread keeps the process alive only
 * while an answer is due, or its end.
 */
export class AnsweringThread<Request, Answer> {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting<Answer>>();
  private nextId = 0;
  private ended: Error | null = null;

  /**
   * @param entry module that calls `answerRequests`
   * @param workerData what it finds in `workerData`
   * @param name what messages call the thread, e.g. "a decoding thread"
   */
  constructor(
    entry: URL,
    workerData: unknown,
    private readonly name: string,
  ) {
    this.worker = new Worker(entry, { workerData });
    this.worker.on("message", (reply: Reply<Answer>) => this.settle(reply));
    this.worker.on("messageerror", (error) => this.end(error));
    this.worker.on("error", (error) => this.end(error as Error));
    this.worker.on("exit", (code) => this.end(new Error(`${name} ended unexpectedly (code ${code})`)));
    this.worker.unref();
  }

  /** @throws UserError, RangeError as the thread threw them; Error for any other, and when the thread has ended */
  ask(request: Request): Promise<Answer> {
    if (this.ended !== null) return Promise.reject(this.ended);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.ref();
      this.worker.postMessage({ id, request } satisfies Call<Request>);
    });
  }

  /** Ends the thread. @param message of the error that what is still waiting, and what is asked later, gets */
  async close(message: string): Promise<void> {
    this.end(new Error(message));
    // Answers that are still under way would let go of the thread, and with it of the process, before `terminate` is done.
    this.worker.removeAllListeners("message");
    await this.worker.terminate();
  }

  private settle(reply: Reply<Answer>): void {
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (this.waiting.size === 0) this.worker.unref();
    if ("error" in reply) waiting?.reject(this.revive(reply.error));
    else waiting?.resolve(reply.answer);
  }

  private end(error: Error): void {
    if (this.ended !== null) return;
    this.ended = error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
    this.worker.unref();
  }

  private revive({ name, message }: { name: string; message: string }): Error {
    if (name === "UserError") return new UserError(message);
    if (name === "RangeError") return new RangeError(message);
    return new Error(`${name} in ${this.name}: ${message}`);
  }
}

/**
 * The end that answers.
 * @param moved buffers of an answer that are handed over, not copied
 */
export function answerRequests<Request, Answer>(
  port: MessagePort,
  answer: (request: Request) => Promise<Answer>,
  moved: (answer: Answer) => readonly ArrayBufferLike[],
): void {
  port.on("message", async ({ id, request }: Call<Request>) => {
    const reply = await answer(request).then(
      (answer): Reply<Answer> => ({ id, answer }),
      ({ name, message }: Error): Reply<Answer> => ({ id, error: { name, message } }),
    );
    port.postMessage(reply, "answer" in reply ? (moved(reply.answer) as ArrayBuffer[]) : []);
  });
}
