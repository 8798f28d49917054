import { join } from "node:path";
import type { Evaluation } from "../metrics.js";
import { writeAtomic, writeJson } from "../run/folder.js";
import { formatResultTable } from "../statistics/format.js";
import { experimentFile, plannedName } from "../statistics/planned.js";
import { keptAverages, type RecordedRun, recordedRunsCsv } from "../statistics/recorded.js";
import { resultTable } from "../statistics/table.js";
import type { Plan } from "./plan.js";
import type { RunState } from "./state.js";

/**
 * Writes what an experiment has come to: `experiment.json` (every run with its status, error and averages), `runs.csv` (a
 * line per network of each finished run with all figures per class) and `table.md` (the comparison); the last two also for each of the
 * plan's further test sets (`runs-NAME.csv`, `table-NAME.md`).
 */
export function writeRecord(plan: Plan, root: string, runs: readonly RunState[]): void {
  const { name, file, data } = plan;
  writeJson(join(root, experimentFile), { name, plan: file, data, runs: runs.map(recordOf) });
  writeComparison(root, "", testedRuns(plan, runs));
  for (const { name, data } of plan.evaluations) {
    const about = `Tested on further images, "${name}": ${data}\n\n`;
    writeComparison(root, `-${name}`, testedRuns(plan, runs, name), about);
  }
}

/** Finished runs, their figures those of one test set. @param set one of the plan's further test sets; default: the test part of the run's own images */
function testedRuns(plan: Plan, runs: readonly RunState[], set?: string): RecordedRun[] {
  return runs.flatMap(({ id, label, config, finished, evaluations }) => {
    const tested = set === undefined ? {} : evaluations.get(set);
    const planned = plannedName({ label, plan: plan.name }, config.config);
    return finished && tested ? [{ id, label, finished: { ...finished, ...tested, planned } }] : [];
  });
}

function writeComparison(root: string, suffix: string, runs: readonly RecordedRun[], about = ""): void {
  if (runs.length === 0) return;
  writeAtomic(join(root, `runs${suffix}.csv`), recordedRunsCsv(runs));
  const table = resultTable(runs.map((run) => run.finished));
  writeAtomic(join(root, `table${suffix}.md`), about + formatResultTable(table, "markdown"));
}

/** What `experiment.json` and `--json` say of a run. */
export function recordOf({ id, label, config, folder, status, finished, evaluations, error }: RunState) {
  const further = [...evaluations].map(([name, { student, teacher, ensemble }]) => [
    name,
    {
      student: averagesOf(student),
      teacher: teacher && averagesOf(teacher),
      ensemble: ensemble && averagesOf(ensemble),
    },
  ]);
  return {
    id,
    label,
    fold: config.data.fold,
    seed: config.seed,
    folder,
    status,
    error,
    seconds: finished?.seconds ?? null,
    ...averagesOf(finished?.student),
    evaluations: Object.fromEntries(further) as Record<string, TestedAverages>,
  };
}

interface TestedAverages {
  student: Averages;
  teacher: Averages | null;
  ensemble: Averages | null;
}

type Averages = Record<(typeof keptAverages)[number], number | null>;

function averagesOf(evaluation: Evaluation | undefined): Averages {
  return Object.fromEntries(keptAverages.map((key) => [key, evaluation?.[key] ?? null])) as Averages;
}
