import type { Session } from "./session.js";

/** A command that was stopped by Ctrl-C or `kill`, after it had put its work in order. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
  }
}

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs work that can be stopped: the first Ctrl-C aborts the signal, so that the work can save itself; the second ends the
 * process at once.
 * @param advice what to tell the user after a stop, such as how to continue
 * @throws Interrupted when the work gave up because of the signal; its own errors otherwise
 */
export async function interruptible<T>(
  session: Session,
  work: (signal: AbortSignal) => Promise<T>,
  advice: () => string,
): Promise<T> {
  const controller = new AbortController();
  let exitCode: number = signals.SIGINT;
  const stop = (name: keyof typeof signals) => {
    exitCode = signals[name];
    if (controller.signal.aborted) process.exit(exitCode);
    session.say("stopping; press Ctrl-C again to stop at once");
    controller.abort();
  };
  const handlers = Object.keys(signals).map((name) => [name, () => stop(name as keyof typeof signals)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted && isAbort(error)) throw new Interrupted(exitCode, `stopped; ${advice()}`);
    throw error;
  } finally {
    for (const [name, handler] of handlers) process.off(name, handler);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
