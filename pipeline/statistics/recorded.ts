/** Runs as the `runs.csv` of an experiment keeps them, so that a table can be made without their folders. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { UserError } from "../../engine/errors.js";
import { parseCsv } from "../data/csv.js";
import type { Evaluation } from "../metrics.js";
import type { FinishedRun } from "./runs.js";

const averages = ["balancedAccuracy", "macroF1", "auroc", "accuracy"] as const;
const columns = ["run", "configuration", "fold", "seed", "seconds", "n", ...averages];
const figures = ["recall", "precision", "f1", "auroc"] as const;

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
    const whole = (column: string) => at(column) ?? Number.NaN;
    const [fold, seed, label] = [whole("fold"), whole("seed"), values.configuration ?? ""];
    const student = {
      n: whole("n"),
      loss: null,
      confusion: [],
      ...Object.fromEntries(averages.map((name) => [name, at(name)])),
      perClass: classes.map((name) => ({
        class: name,
        support: 0,
        ...Object.fromEntries(figures.map((figure) => [figure, at(`${figure}_${name}`)])),
      })),
    } as unknown as Evaluation;
    // Its options are not recorded: plan and label stand for them.
    const config = {
      config: label.split(" ", 1)[0] ?? label,
      recipe: "",
      preset: "",
      seed,
      data: { fold },
      label,
      plan,
    };
    const folder = `${file}: ${values.run}`;
    const seconds = whole("seconds");
    return {
      folder,
      config,
      fold,
      seed,
      classes,
      student,
      teacher: null,
      seconds,
      data: null,
      planned: { label, plan },
    };
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
