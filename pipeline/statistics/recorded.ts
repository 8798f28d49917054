/** `runs.csv` of an experiment: a line per network of a finished run. Written by experiments, read where a table is made without their folders. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { UserError } from "../../engine/errors.js";
import { csvLine, parseCsv } from "../data/csv.js";
import type { Evaluation } from "../metrics.js";
import { classMetrics, type TestedNetwork, testedNetworks } from "./entries.js";
import type { FinishedRun } from "./runs.js";

/** Averages over classes that an experiment keeps of a run. */
export const keptAverages = ["balancedAccuracy", "macroF1", "auroc", "accuracy"] as const;
const columns = ["run", "configuration", "network", "fold", "seed", "seconds", "n", ...keptAverages];
/** Files of earlier versions are without it: all figures are the students'. */
const optional = "network";

/** A finished run in `runs.csv`. */
export interface RecordedRun {
  /** Name of its folder. */
  id: string;
  /** Configuration and setting of the plan. */
  label: string;
  finished: FinishedRun;
}

/** All figures of the networks, averages and per class, the student first; a quotient 0/0 is an empty cell. */
export function recordedRunsCsv(runs: readonly RecordedRun[]): string {
  const classes = runs[0]?.finished.classes ?? [];
  const perClass = classes.flatMap((name) => classMetrics.map((figure) => `${figure}_${name}`));
  const lines = runs.flatMap(({ id, label, finished }) =>
    testedNetworks.flatMap((network) => {
      const { [network]: tested, fold, seed, seconds } = finished;
      if (!tested) return [];
      const ofClasses = tested.perClass.flatMap((one) => classMetrics.map((figure) => one[figure] ?? ""));
      const averages = keptAverages.map((key) => tested[key] ?? "");
      return [[id, label, network, fold, seed, seconds, tested.n, ...averages, ...ofClasses]];
    }),
  );
  return [[...columns, ...perClass], ...lines].map((cells) => `${csvLine(cells)}\r\n`).join("");
}

/** Whether a path given in the place of a folder of runs names such a file. */
export function isRecord(path: string): boolean {
  return path.toLowerCase().endsWith(".csv");
}

/**
 * Reads a `runs.csv`, or the `runs-NAME.csv` of further images: the networks' figures, without confusion matrices and losses. The plan is
 * called by the folder of the file, or by what stands before `runs` in its name: `paper-runs-test.csv`.
 * @throws UserError naming the file, and the line and value that is not what an experiment writes
 */
export function readRecordedRuns(file: string): FinishedRun[] {
  const table = parseCsv(readText(file), file);
  const missing = columns.find((name) => name !== optional && !table.columns.includes(name));
  if (missing !== undefined)
    throw new UserError(`${file}: has no column "${missing}"; give the runs.csv of an experiment, or folders of runs`);
  const classes = table.columns.flatMap((name) => (name.startsWith("recall_") ? [name.slice("recall_".length)] : []));
  if (classes.length === 0)
    throw new UserError(`${file}: has no column "recall_<Class>"; give the runs.csv of an experiment`);
  const plan = /^(.+)-runs(?:-.+)?\.csv$/i.exec(basename(file))?.[1] ?? basename(dirname(resolve(file)));
  const runs: FinishedRun[] = [];
  for (const { line, values } of table.rows) {
    const at = (column: string) => number(values[column] ?? "", `${file}, line ${line}, column "${column}"`);
    const known = (column: string) => {
      const value = at(column);
      if (value !== null) return value;
      throw new UserError(
        `${file}, line ${line}, column "${column}": is empty; give the runs.csv as the experiment wrote it`,
      );
    };
    const evaluation = recordedEvaluation(classes, known("n"), at);
    const network = (values.network ?? "student") as TestedNetwork;
    const folder = `${file}: ${values.run}`;
    const student = runs.findLast((run) => run.folder === folder);
    if (network === "student") {
      const [fold, seed, seconds, label] = [known("fold"), known("seed"), known("seconds"), values.configuration ?? ""];
      // Its options are not recorded: plan and label stand for them.
      const name = label.split(" ", 1)[0] ?? label;
      const config = { config: name, recipe: "", preset: "", seed, data: { fold }, label, plan };
      const others = { teacher: null, ensemble: null, data: null };
      runs.push({
        folder,
        config,
        fold,
        seed,
        classes,
        student: evaluation,
        ...others,
        seconds,
        planned: { label, plan },
      });
    } else if (student && testedNetworks.includes(network)) student[network] = evaluation;
    else
      throw new UserError(
        `${file}, line ${line}, column "network": "${network}" is none of ${testedNetworks.join(", ")}, or its run has no ` +
          "line of the student above it; give the runs.csv as the experiment wrote it",
      );
  }
  return runs;
}

/** The figures of a line. */
function recordedEvaluation(classes: readonly string[], n: number, at: (column: string) => number | null): Evaluation {
  return {
    n,
    loss: null,
    confusion: [],
    balancedAccuracy: at("balancedAccuracy"),
    macroF1: at("macroF1"),
    auroc: at("auroc"),
    accuracy: at("accuracy"),
    perClass: classes.map((name) => ({
      class: name,
      support: 0,
      recall: at(`recall_${name}`),
      precision: at(`precision_${name}`),
      f1: at(`f1_${name}`),
      auroc: at(`auroc_${name}`),
    })),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${(error as Error).message}); give the runs.csv of an experiment`);
  }
}

/** The number of a cell; null for an empty one, which is a quotient 0/0. */
function number(text: string, where: string): number | null {
  if (text === "") return null;
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  throw new UserError(`${where}: "${text}" is not a number; give the runs.csv as the experiment wrote it`);
}
