/** `runs.csv` of an experiment: a line per finished run. Written by experiments, read where a table is made without their folders. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { UserError } from "../../engine/errors.js";
import { csvLine, parseCsv } from "../data/csv.js";
import type { Evaluation } from "../metrics.js";
import { classMetrics } from "./entries.js";
import type { FinishedRun } from "./runs.js";

/** Averages over classes that an experiment keeps of a run. */
export const keptAverages = ["balancedAccuracy", "macroF1", "auroc", "accuracy"] as const;
const columns = ["run", "configuration", "fold", "seed", "seconds", "n", ...keptAverages];

/** A finished run as a line of `runs.csv`. */
export interface RecordedRun {
  /** Name of its folder. */
  id: string;
  /** Configuration and setting of the plan. */
  label: string;
  finished: FinishedRun;
}

/** All figures of the students, averages and per class; a quotient 0/0 is an empty cell. */
export function recordedRunsCsv(runs: readonly RecordedRun[]): string {
  const classes = runs[0]?.finished.classes ?? [];
  const perClass = classes.flatMap((name) => classMetrics.map((figure) => `${figure}_${name}`));
  const lines = runs.map(({ id, label, finished }) => {
    const { student, fold, seed, seconds } = finished;
    const ofClasses = student.perClass.flatMap((one) => classMetrics.map((figure) => one[figure] ?? ""));
    return [id, label, fold, seed, seconds, student.n, ...keptAverages.map((key) => student[key] ?? ""), ...ofClasses];
  });
  return [[...columns, ...perClass], ...lines].map((cells) => `${csvLine(cells)}\r\n`).join("");
}

/** Whether a path given in the place of a folder of runs names such a file. */
export function isRecord(path: string): boolean {
  return path.toLowerCase().endsWith(".csv");
}

/**
 * Reads a `runs.csv`, or the `runs-NAME.csv` of further images: the students' figures, without confusion matrices and losses. The plan is
 * called by the folder of the file, or by what stands before `runs` in its name: `paper-runs-test.csv`.
 * @throws UserError naming the file, and the line and value that is not what an experiment writes
 */
export function readRecordedRuns(file: string): FinishedRun[] {
  const table = parseCsv(readText(file), file);
  const missing = columns.find((name) => !table.columns.includes(name));
  if (missing !== undefined)
    throw new UserError(`${file}: has no column "${missing}"; give the runs.csv of an experiment, or folders of runs`);
  const classes = table.columns.flatMap((name) => (name.startsWith("recall_") ? [name.slice("recall_".length)] : []));
  if (classes.length === 0)
    throw new UserError(`${file}: has no column "recall_<Class>"; give the runs.csv of an experiment`);
  const plan = /^(.+)-runs(?:-.+)?\.csv$/i.exec(basename(file))?.[1] ?? basename(dirname(resolve(file)));
  return table.rows.map(({ line, values }) => {
    const at = (column: string) => number(values[column] ?? "", `${file}, line ${line}, column "${column}"`);
    const known = (column: string) => {
      const value = at(column);
      if (value !== null) return value;
      throw new UserError(
        `${file}, line ${line}, column "${column}": is empty; give the runs.csv as the experiment wrote it`,
      );
    };
    const [fold, seed, label] = [known("fold"), known("seed"), values.configuration ?? ""];
    const student: Evaluation = {
      n: known("n"),
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
    // Its options are not recorded: plan and label stand for them.
    const name = label.split(" ", 1)[0] ?? label;
    const config = { config: name, recipe: "", preset: "", seed, data: { fold }, label, plan };
    const folder = `${file}: ${values.run}`;
    const seconds = known("seconds");
    const planned = { label, plan };
    return { folder, config, fold, seed, classes, student, teacher: null, seconds, data: null, planned };
  });
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
