/** The rows of a table: a configuration's students, its teachers, or the mean of both, over its runs. */
import { UserError } from "../../engine/errors.js";
import type { Evaluation } from "../metrics.js";
import type { TestedNetworks } from "../run/testNetworks.js";
import type { GroupableRun, RunGroup } from "./groups.js";
import type { FinishedRun } from "./runs.js";
import { mean } from "./tests.js";

/** Averages over classes that can be tested. */
export const averageMetrics = ["balancedAccuracy", "macroF1", "precision", "auroc", "accuracy"] as const;
export type AverageMetric = (typeof averageMetrics)[number];

/** Figures of one class that can be tested. */
export const classMetrics = ["recall", "precision", "f1", "auroc"] as const;
type ClassMetric = (typeof classMetrics)[number];

/** What tests compare: an average, or a figure of one class, `recall:Dense`. */
export type TestedMetric = AverageMetric | `${ClassMetric}:${string}`;

export const metricTitles: Record<AverageMetric, string> = {
  balancedAccuracy: "balanced accuracy",
  macroF1: "F1",
  precision: "precision",
  auroc: "AUROC",
  accuracy: "accuracy",
};

const classTitles: Record<ClassMetric, string> = { recall: "recall", precision: "precision", f1: "F1", auroc: "AUROC" };

/** In words: "F1", "recall of Dense". */
export function metricTitle(metric: TestedMetric): string {
  const one = classMetric(metric);
  return one ? `${classTitles[one.figure]} of ${one.name}` : metricTitles[metric as AverageMetric];
}

/** Figure and class of `recall:Dense`; null for anything else. */
export function classMetric(metric: string): { figure: ClassMetric; name: string } | null {
  const [, figure, name] = /^(\w+):(.+)$/.exec(metric) ?? [];
  if (name === undefined || !classMetrics.includes(figure as ClassMetric)) return null;
  return { figure: figure as ClassMetric, name };
}

/** The metrics with `recall:*` replaced by the recall of each class. @throws UserError for a class that the runs do not have */
export function expandMetrics(metrics: readonly TestedMetric[], classes: readonly string[]): TestedMetric[] {
  const all = metrics.flatMap((metric): TestedMetric[] => {
    const one = classMetric(metric);
    if (one === null) return [metric];
    if (one.name === "*") return classes.map((name): TestedMetric => `${one.figure}:${name}`);
    if (classes.includes(one.name)) return [metric];
    throw new UserError(`--metric ${metric}: there is no class "${one.name}"; the classes are ${classes.join(", ")}`);
  });
  return [...new Set(all)];
}

/** Whose figures a row may show; the ensemble answers with the mean of the class probabilities of both networks. */
export const testedNetworks = ["student", "teacher", "ensemble"] as const satisfies (keyof TestedNetworks)[];
export type TestedNetwork = (typeof testedNetworks)[number];

export const networkChoices = [...testedNetworks, "all"] as const;
export type NetworkChoice = (typeof networkChoices)[number];

/** One network of one configuration. */
export interface Entry {
  /** Configuration, and which network where all are shown. */
  label: string;
  configuration: string;
  network: TestedNetwork;
  runs: { run: FinishedRun; evaluation: Evaluation }[];
}

/**
 * The rows for the networks wanted; a configuration without teachers has no row for them.
 * @throws UserError when no run has what is wanted
 */
export function entriesOf(groups: readonly RunGroup[], wanted: NetworkChoice): Entry[] {
  const networks = wanted === "all" ? testedNetworks : [wanted];
  const entries = groups.flatMap(({ label: configuration, runs }) =>
    networks.flatMap((network): Entry[] => {
      const tested = runs.flatMap((run) => {
        const evaluation = run[network];
        return evaluation ? [{ run, evaluation }] : [];
      });
      const label = wanted === "all" ? `${configuration}, ${network}` : configuration;
      return tested.length === 0 ? [] : [{ label, configuration, network, runs: tested }];
    }),
  );
  if (entries.length === 0)
    throw new UserError(`--network ${wanted}: none of these runs has figures of it; use --network student`);
  return entries;
}

/** Values of a metric by "fold/seed"; runs without one (0/0) are left out. */
export function valuesOf(entry: Entry, metric: TestedMetric): Map<string, number> {
  return new Map(
    entry.runs.flatMap(({ run, evaluation }): [string, number][] => {
      const value = figureOf(evaluation, metric);
      return value === null ? [] : [[`${run.fold}/${run.seed}`, value]];
    }),
  );
}

/** The value of a run that enters a test. */
export function figureOf(evaluation: Evaluation, tested: TestedMetric): number | null {
  const one = classMetric(tested);
  if (one) return evaluation.perClass.find(({ class: name }) => name === one.name)?.[one.figure] ?? null;
  const metric = tested as AverageMetric;
  return metric === "precision" ? knownMean(evaluation.perClass.map((one) => one.precision)) : evaluation[metric];
}

/** Mean of the values that are known; null for none. */
export function knownMean(values: readonly (number | null)[]): number | null {
  const known = values.filter((v) => v !== null);
  return known.length === 0 ? null : mean(known);
}

/**
 * The configuration that an option names: its label; or, where only one has it, its name in a plan, the one by options, or the
 * name of the configuration.
 * @param flag the option, for the message
 * @throws UserError naming the configurations there are
 */
export function chosenGroup<R extends GroupableRun>(
  groups: readonly RunGroup<R>[],
  flag: string,
  name: string,
): RunGroup<R> {
  const ways = [
    groups.filter(({ label }) => label === name),
    groups.filter(({ aliases }) => aliases.includes(name)),
    groups.filter(({ runs }) => runs[0]?.config.config === name),
  ];
  const [found, second] = ways.find((way) => way.length > 0) ?? [];
  if (found !== undefined && second === undefined) return found;
  const all = groups.map(({ label }) => `"${label}"`).join(", ");
  throw new UserError(
    `${flag} ${name}: ${found ? "several configurations are called so" : "not in these runs"}; there are ${all}`,
  );
}
