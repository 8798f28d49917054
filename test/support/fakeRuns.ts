import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConfigRequest, resolveConfig } from "../../pipeline/config/resolve.js";
import { type Evaluation, evaluate } from "../../pipeline/metrics.js";
import { uniform } from "./fakeRun.js";

/** An evaluation that follows from drawn probabilities: `skill` 0 guesses, 3 is mostly right. */
export function drawnEvaluation(classes: readonly string[], skill: number, seed: number): Evaluation {
  const next = uniform(seed);
  const truth = Array.from({ length: 30 * classes.length }, (_, i) => i % classes.length);
  const probabilities = truth.map((label) => {
    const weights = classes.map((_, c) => Math.exp((c === label ? skill : 0) + 3 * next()));
    const total = weights.reduce((a, b) => a + b);
    return weights.map((w) => w / total);
  });
  return evaluate(classes, truth, probabilities);
}

export interface FinishedRunOptions {
  request: ConfigRequest;
  classes?: string[];
  skill?: number;
  data?: string;
  /** Replaces parts of the drawn evaluation of the student. */
  student?: Partial<Evaluation>;
  /** The same for a teacher; none without. */
  teacher?: Partial<Evaluation>;
}

/** The smallest folder of a finished run: config.json, environment.json and result.json. */
export function writeFinishedRun(folder: string, options: FinishedRunOptions): void {
  const { request, classes = ["Dense", "Diff", "Spread"], skill = 1, data = "images", student, teacher } = options;
  const config = resolveConfig(request);
  const seed = 1000 * config.seed + config.data.fold;
  const result = {
    classes,
    chance: 1 / classes.length,
    majority: null,
    teacher: teacher ? { ...drawnEvaluation(classes, skill, seed + 1), ...teacher } : null,
    student: { ...drawnEvaluation(classes, skill, seed), ...student },
    bestEpoch: 3,
    finetuned: false,
    seconds: 12.5,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "environment.json"), JSON.stringify({ dataset: { root: data } }));
  writeFileSync(join(folder, "result.json"), JSON.stringify(result));
}
