import type { ExperimentResult } from "../cli/actions.js";
import { adapterName, readEnvironment } from "../pipeline/run/environment.js";
import { readJson, runPaths } from "../pipeline/run/folder.js";
import { readRunConfig } from "../pipeline/run/trainRun.js";
import type { RunResult } from "../pipeline/run/types.js";

/** One run in a few figures; accuracies are balanced ones on the test part. */
export interface RunFacts {
  configuration: string;
  method: string;
  model: string;
  /** Of training and testing. */
  seconds: number;
  bestEpoch: number | null;
  teacher: number | null;
  student: number | null;
}

/** What finished runs of an experiment came to, without a path of the machine that made them. */
export interface ExperimentSummary {
  date: string;
  adapter: string;
  preset: string;
  recipe: string;
  classes: string[];
  chance: number;
  testImages: number;
  runs: RunFacts[];
}

/** @param runs finished ones, at least one. @throws UserError naming a file of a run that is missing or damaged */
export function summariseRuns(runs: ExperimentResult["runs"]): ExperimentSummary {
  const all = runs.map(({ folder }) => {
    const paths = runPaths(folder);
    const result = readJson(paths.result, "resume the run to test it again") as RunResult;
    return { config: readRunConfig(paths), environment: readEnvironment(paths), result };
  });
  const [first] = all;
  if (first === undefined) throw new Error("summariseRuns: no finished run was given");
  const { preset, recipe } = first.config;
  const { classes, chance, student } = first.result;
  return {
    date: new Date().toISOString().slice(0, 10),
    adapter: adapterName(first.environment.adapter),
    preset,
    recipe,
    classes,
    chance,
    testImages: student.n,
    runs: all.map(({ config, result }) => ({
      configuration: config.config,
      method: config.method,
      model: config.model,
      seconds: result.seconds,
      bestEpoch: result.bestEpoch,
      teacher: result.teacher?.balancedAccuracy ?? null,
      student: result.student.balancedAccuracy,
    })),
  };
}
