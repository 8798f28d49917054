/** The rows of a table: a configuration's students, or its teachers, over its runs. */
import { UserError } from "../../engine/errors.js";
import type { Evaluation } from "../metrics.js";
import type { RunGroup } from "./groups.js";
import type { FinishedRun } from "./runs.js";
import { mean } from "./tests.js";

/** Averages over classes that can be tested. */
export const testedMetrics = ["balancedAccuracy", "macroF1", "precision", "auroc", "accuracy"] as const;
export type TestedMetric = (typeof testedMetrics)[number];

export const metricTitles: Record<TestedMetric, string> = {
  balancedAccuracy: "balanced accuracy",
  macroF1: "F1",
  precision: "precision",
  auroc: "AUROC",
  accuracy: "accuracy",
};

export const networkChoices = ["student", "teacher", "both"] as const;
export type NetworkChoice = (typeof networkChoices)[number];

/** One network of one configuration. */
export interface Entry {
  /** Configuration, and which network where both are shown. */
  label: string;
  configuration: string;
  network: "student" | "teacher";
  runs: { run: FinishedRun; evaluation: Evaluation }[];
}

/**
 * The rows for the networks wanted; a configuration without teachers has no row for them.
 * @throws UserError when teachers alone are wanted and no run has one
 */
export function entriesOf(groups: readonly RunGroup[], wanted: NetworkChoice): Entry[] {
  const networks = wanted === "both" ? (["student", "teacher"] as const) : [wanted];
  const entries = groups.flatMap(({ label: configuration, runs }) =>
    networks.flatMap((network): Entry[] => {
      const tested = runs.flatMap((run) => {
        const evaluation = run[network];
        return evaluation ? [{ run, evaluation }] : [];
      });
      const label = wanted === "both" ? `${configuration}, ${network}` : configuration;
      return tested.length === 0 ? [] : [{ label, configuration, network, runs: tested }];
    }),
  );
  if (entries.length === 0)
    throw new UserError(`--network ${wanted}: none of these runs has a teacher; use --network student`);
  return entries;
}

/** Values of a metric by "fold/seed"; runs without one (0/0) are left out. */
export function valuesOf(entry: Entry, metric: TestedMetric): Map<string, number> {
  return new Map(
    entry.runs.flatMap(({ run, evaluation }): [string, number][] => {
      const value = averageOf(evaluation, metric);
      return value === null ? [] : [[`${run.fold}/${run.seed}`, value]];
    }),
  );
}

/** The value of a run that enters a test. */
export function averageOf(evaluation: Evaluation, metric: TestedMetric): number | null {
  return metric === "precision" ? knownMean(evaluation.perClass.map((one) => one.precision)) : evaluation[metric];
}

/** Mean of the values that are known; null for none. */
export function knownMean(values: readonly (number | null)[]): number | null {
  const known = values.filter((v) => v !== null);
  return known.length === 0 ? null : mean(known);
}

/**
 * The configuration that an option names: its label, or its name where only one has it.
 * @param flag the option, for the message
 */
export function chosenGroup(groups: readonly RunGroup[], flag: string, name: string): RunGroup {
  const exact = groups.filter(({ label }) => label === name);
  const [found, second] = exact.length > 0 ? exact : groups.filter(({ runs }) => runs[0]?.config.config === name);
  if (found !== undefined && second === undefined) return found;
  const all = groups.map(({ label }) => `"${label}"`).join(", ");
  throw new UserError(
    `${flag} ${name}: ${found ? "several configurations are called so" : "not in these runs"}; there are ${all}`,
  );
}
