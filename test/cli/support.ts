import type { Actions, RunResult } from "../../cli/actions.js";
import { runCli } from "../../cli/program.js";
import type { Io } from "../../cli/session.js";
import type { Evaluation } from "../../pipeline/metrics.js";

/** What a command printed and its exit code. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command with the actions given; any other action fails the test. */
export async function run(args: string[], actions: Partial<Actions> = {}, io: Partial<Io> = {}): Promise<Outcome> {
  const written = { stdout: "", stderr: "" };
  const sink = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const guard = new Proxy(actions, {
    get: (target, name: keyof Actions) =>
      target[name] ?? (() => Promise.reject(new Error(`action ${name} was not expected`))),
  }) as Actions;
  const code = await runCli(args, { stdout: sink("stdout"), stderr: sink("stderr"), ask: null, env: {}, ...io }, guard);
  return { code, ...written };
}

/** An evaluation of two classes with the given balanced accuracy. */
export function evaluation(balancedAccuracy: number): Evaluation {
  const one = { support: 5, recall: balancedAccuracy, precision: 0.5, f1: 0.6, auroc: null };
  return {
    n: 10,
    loss: 0.5,
    accuracy: 0.7,
    balancedAccuracy,
    macroF1: 0.6,
    confusion: [
      [4, 1],
      [2, 3],
    ],
    perClass: [
      { class: "Dense", ...one },
      { class: "Spread", ...one },
    ],
    auroc: null,
  };
}

/** The outcome of a run with a teacher of 60 %, a student of 70 % and 80 % for the mean of both. */
export const runResult: RunResult = {
  classes: ["Dense", "Spread"],
  chance: 0.5,
  majority: 0.5,
  teacher: evaluation(0.6),
  student: evaluation(0.7),
  ensemble: evaluation(0.8),
  bestEpoch: 3,
  finetuned: true,
  seconds: 200,
};
