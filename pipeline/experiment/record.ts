import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../engine/errors.js";
import { csvLine } from "../data/csv.js";
import { writeAtomic, writeJson } from "../run/folder.js";
import { formatResultTable } from "../statistics/format.js";
import { resultTable } from "../statistics/table.js";
import type { Plan } from "./plan.js";
import type { RunState } from "./state.js";

/**
 * Writes what an experiment has come to: `experiment.json` (every run with its status, error and averages), `runs.csv` (a
 * line per finished run with all figures per class) and `table.md` (the comparison).
 */
export function writeRecord(plan: Plan, root: string, runs: readonly RunState[]): void {
  writeJson(join(root, "experiment.json"), { plan: plan.file, data: plan.data, runs: runs.map(recordOf) });
  const finished = runs.flatMap((run) => (run.finished ? [run.finished] : []));
  if (finished.length === 0) return;
  writeAtomic(join(root, "runs.csv"), runsCsv(runs));
  writeAtomic(join(root, "table.md"), formatResultTable(resultTable(finished), "markdown"));
}

/** What `experiment.json` and `--json` say of a run. */
export function recordOf({ id, label, config, folder, status, finished, error }: RunState) {
  const student = finished?.student;
  return {
    id,
    label,
    fold: config.data.fold,
    seed: config.seed,
    folder,
    status,
    error,
    seconds: finished?.seconds ?? null,
    balancedAccuracy: student?.balancedAccuracy ?? null,
    macroF1: student?.macroF1 ?? null,
    auroc: student?.auroc ?? null,
    accuracy: student?.accuracy ?? null,
  };
}

const figures = ["recall", "precision", "f1", "auroc"] as const;

function runsCsv(runs: readonly RunState[]): string {
  const classes = runs.find((run) => run.finished)?.finished?.classes ?? [];
  const averages = ["balancedAccuracy", "macroF1", "auroc", "accuracy"] as const;
  const perClass = classes.flatMap((name) => figures.map((figure) => `${figure}_${name}`));
  const head = ["run", "configuration", "fold", "seed", "seconds", "n", ...averages, ...perClass];
  const lines = runs.flatMap(({ id, label, finished }) => {
    if (finished === null) return [];
    const { student, fold, seed, seconds } = finished;
    const ofClasses = student.perClass.flatMap((one) => figures.map((figure) => one[figure] ?? ""));
    return [[id, label, fold, seed, seconds, student.n, ...averages.map((key) => student[key] ?? ""), ...ofClasses]];
  });
  return [head, ...lines].map((cells) => `${csvLine(cells)}\r\n`).join("");
}

/**
 * Keeps a second process out of an experiment's folder.
 * @returns what gives the folder free again
 * @throws UserError while another process works there, or the folder cannot be made
 */
export function lockFolder(root: string): () => void {
  const file = join(root, "experiment.lock");
  try {
    mkdirSync(root, { recursive: true });
  } catch (error) {
    throw new UserError(`${root}: cannot be made (${(error as Error).message}): choose another --out`);
  }
  for (const again of [true, false]) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST")
        throw new UserError(`${file}: cannot be written (${(error as Error).message}): choose another --out`);
      const holder = holderOf(file);
      if (holder !== null || !again)
        throw new UserError(`${root}: process ${holder} is working on this experiment; wait for it, or stop it`);
      rmSync(file, { force: true });
    }
  }
  throw new UserError(`${file}: cannot be taken; remove it`);
}

/** Process that holds a lock and still lives. */
function holderOf(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return null;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? Number(readFileSync(file, "utf8")) : null;
  }
}
