import { InvalidArgumentError, Option } from "commander";
import type { AnswerChoice, RunLog } from "./actions.js";
import type { Session } from "./session.js";

/** Parser of an option that takes a whole number from `min` up. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} up.`);
  };
}

/** Parser of an option that takes whole numbers from 0 up with commas between. */
export function wholeNumbers(text: string): number[] {
  return text.split(",").map((part) => wholeNumber(0)(part.trim()));
}

/** Parser of an option that takes a number above 0. */
export function positiveNumber(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Give a number above 0.");
}

/** Which network of a run answers. */
export function answerOption(): Option {
  const answers: readonly AnswerChoice[] = ["student", "teacher", "ensemble"];
  return new Option("--network <name>", "which network answers; ensemble: the mean of both (default: student)").choices(
    answers,
  );
}

/** Parser of an option that may be given several times. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** Leaves out what was not given: `{ adapter: undefined }` -> `{}`. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** What long work is told to report to: lines and progress on stderr, questions to the terminal. */
export function runLog(session: Session): RunLog {
  return {
    info: (text) => session.say(text),
    warn: (text) => session.say(`warning: ${text}`),
    progress: (update) => session.progress.update(update),
    confirm: async (question) => {
      if (session.io.ask === null) return true;
      session.progress.finish();
      return session.io.ask(question);
    },
  };
}
