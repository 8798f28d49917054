import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { EngineName } from "../cases.js";

/** Leads each answer of an engine; `bench/peers/serve.mjs` and `torch_cpu.py` write it. */
const mark = "@bench ";
const keptLines = 12;

/** How an engine's process is started. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface Answer {
  readonly adapter?: string;
  readonly driver?: string;
  readonly version?: string;
  readonly ms?: number;
  readonly hostMs?: number;
  readonly info?: Readonly<Record<string, unknown>>;
  /** The engine cannot do this case. */
  readonly unsupported?: string;
  readonly error?: string;
}

/** An engine that has failed, with the last lines it wrote. */
export class EngineError extends Error {}

/** A process that answers one request at a time. */
export class EngineProcess {
  private readonly child: ChildProcess;
  private readonly said: string[] = [];
  private waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null;
  private ended: string | null = null;
  readonly closed: Promise<void>;

  constructor(
    readonly engine: EngineName,
    { command, args, env, cwd }: Launch,
  ) {
    this.child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ["pipe", "pipe", "pipe"] });
    const { stdin, stdout, stderr } = this.child;
    // Writing to a process that has gone is told by its end.
    stdin?.on("error", () => {});
    if (stdout) createInterface({ input: stdout }).on("line", (line) => this.onLine(line));
    if (stderr) createInterface({ input: stderr }).on("line", (line) => this.keep(line));
    this.closed = new Promise((resolve) => {
      const end = (reason: string) => {
        this.ended ??= reason;
        this.waiting?.reject(this.failure(reason));
        this.waiting = null;
        resolve();
      };
      this.child.on("error", (error) => end(`cannot be started: ${error.message}`));
      this.child.on("close", (code, signal) => end(`its process ended (${signal ?? `exit code ${code}`})`));
    });
  }

  get alive(): boolean {
    return this.ended === null;
  }

  /**
   * @param seconds after which the process is ended
   * @throws EngineError if the process has ended, fails or takes longer
   */
  async request(op: string, message: object, seconds: number): Promise<Answer> {
    if (this.ended) throw this.failure(this.ended);
    const timer = setTimeout(() => this.end(`no answer to "${op}" in ${seconds} s`), seconds * 1000);
    try {
      const answer = await new Promise<Answer>((resolve, reject) => {
        this.waiting = { resolve, reject };
        this.child.stdin?.write(`${JSON.stringify({ op, ...message })}\n`);
      });
      if (answer.error !== undefined) throw new EngineError(`${this.engine}: ${answer.error}`);
      return answer;
    } finally {
      clearTimeout(timer);
      this.waiting = null;
    }
  }

  /** Asks the process to end, and ends it if it does not. */
  async close(): Promise<void> {
    if (!this.alive) return;
    this.child.stdin?.end(`${JSON.stringify({ op: "close" })}\n`);
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5000);
    await this.closed;
    clearTimeout(timer);
  }

  /** Ends the process at once. */
  end(reason: string): void {
    this.ended ??= reason;
    this.waiting?.reject(this.failure(reason));
    this.waiting = null;
    this.child.kill("SIGKILL");
  }

  private onLine(line: string): void {
    if (!line.startsWith(mark)) {
      this.keep(line);
      return;
    }
    this.waiting?.resolve(JSON.parse(line.slice(mark.length)) as Answer);
  }

  private keep(line: string): void {
    this.said.push(line);
    if (this.said.length > keptLines) this.said.shift();
  }

  private failure(reason: string): EngineError {
    const said = this.said.map((line) => `\n  | ${line}`).join("");
    return new EngineError(`${this.engine}: ${reason}${said}`);
  }
}
