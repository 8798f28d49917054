import type { Actions } from "./actions.js";
import { Progress } from "./progress.js";

/** Something to write text to, as `process.stdout` is. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** The streams of a command: results on `stdout`, everything else on `stderr`. */
export interface Io {
  stdout: Sink;
  stderr: Sink;
  /** Asks a question that is answered with yes or no; null where nobody can answer. */
  ask: ((question: string) => Promise<boolean>) | null;
  env: Readonly<Record<string, string | undefined>>;
}

/** One call of the command line: its streams, its flags, and the functions that do the work. */
export class Session {
  /** `--json`: the result is one JSON document. */
  json = false;
  /** `--debug`: errors come with their stack. */
  debug: boolean;
  /** Exit code of a command that ends without an error. */
  code = 0;
  progress: Progress;

  constructor(
    readonly io: Io,
    readonly actions: Actions,
  ) {
    this.progress = new Progress(io.stderr);
    this.debug = isOn(io.env.EQUIPOISE_DEBUG);
  }

  /** Writes the result to stdout: `value` as JSON for machines, `text` for people. */
  result(value: unknown, text: string): void {
    this.progress.finish();
    this.io.stdout.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : text.endsWith("\n") ? text : `${text}\n`);
  }

  /** Writes a line to stderr. */
  say(text: string): void {
    this.progress.line(text);
  }

  /** How the user calls this program: in a checkout through npm. */
  command(...args: string[]): string {
    const program = this.io.env.npm_lifecycle_event === "equipoise" ? "npm run -s equipoise --" : "equipoise";
    return [program, ...args.map((arg) => (/^[\w./:=@-]+$/.test(arg) ? arg : JSON.stringify(arg)))].join(" ");
  }
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0";
}
