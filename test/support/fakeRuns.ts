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
  /** Writes `metrics.jsonl` with as many epochs of pre-training and (where there is a teacher) of training with pseudo-labels. */
  epochs?: number;
  /** Steps logged in each epoch. */
  steps?: number;
  /** Counts of the parts, as `environment.json` has them. */
  counts?: { L: number[]; validation: number[]; U: number[] | null; T: number[] };
}

/** The smallest folder of a finished run: config.json, environment.json and result.json. */
export function writeFinishedRun(folder: string, options: FinishedRunOptions): void {
  const {
    request,
    classes = ["Dense", "Diff", "Spread"],
    skill = 1,
    data = "images",
    student,
    teacher,
    epochs = 0,
    steps = 0,
    counts,
  } = options;
  const config = resolveConfig(request);
  const seed = 1000 * config.seed + config.data.fold;
  const result = {
    classes,
    chance: 1 / classes.length,
    majority: null,
    teacher: teacher ? { ...drawnEvaluation(classes, skill, seed + 1), ...teacher } : null,
    student: { ...drawnEvaluation(classes, skill, seed), ...student },
    ensemble: teacher ? drawnEvaluation(classes, skill, seed + 2) : null,
    bestEpoch: 3,
    finetuned: false,
    seconds: 12.5,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const dataset = { root: data, ...(counts && { classes, counts, multiLabel: 0 }) };
  const environment = { equipoise: "0.1.0", startedAt: "2024-03-01T09:12:44.000Z", node: "v20.0.0", dataset };
  writeFileSync(join(folder, "environment.json"), JSON.stringify(environment));
  writeFileSync(join(folder, "result.json"), JSON.stringify(result));
  if (epochs === 0) return;
  const lines = epochLines({ seed, teacher: teacher !== undefined, classes: classes.length, epochs, steps });
  writeFileSync(join(folder, "metrics.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** A line of `metrics.jsonl` for each step and epoch: losses that fall, labels that come nearer to equal shares. */
function epochLines(request: {
  seed: number;
  teacher: boolean;
  classes: number;
  epochs: number;
  steps: number;
}): object[] {
  const { seed, teacher, classes, epochs, steps } = request;
  const next = uniform(seed);
  const lines: object[] = [];
  for (const phase of teacher ? ["pretrain-", ""] : ["pretrain-"])
    for (let epoch = 0; epoch < epochs; epoch++) {
      const loss = 1 / (1 + epoch) + 0.2 * next();
      for (let step = 0; step < steps; step++)
        lines.push({ kind: `${phase}step`, step: epoch * steps + step, epoch, loss, lr: 0.005 });
      const pseudoCounts = Array.from({ length: classes }, (_, c) => 40 + 20 * c + Math.floor(10 * next()));
      const labels = { pseudoCounts, samplingWeights: pseudoCounts.map((n) => 1 / n), neverPredicted: [] };
      const losses = phase === "" ? { studentLoss: loss, teacherLoss: 2 * loss, ...labels } : { loss };
      lines.push({
        kind: `${phase}epoch`,
        epoch,
        seconds: 3,
        ...losses,
        validation: { balancedAccuracy: 0.5, loss: 1 },
      });
    }
  return lines;
}
