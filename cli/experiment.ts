import { type Command, Option } from "commander";
import { expectedSeconds } from "../pipeline/experiment/expected.js";
import { duration, percent } from "../pipeline/format.js";
import type { ExperimentResult, PlanChanges, RunState, TuneMode } from "./actions.js";
import { presetOption, recipeOption } from "./configOptions.js";
import { counted, table } from "./format.js";
import { interruptible } from "./interrupt.js";
import { LiveTable } from "./liveTable.js";
import { given, runLog, wholeNumbers } from "./options.js";
import type { Session } from "./session.js";

export interface ExperimentFlags extends PlanChanges {
  /** Folder that takes the folder of the experiment. */
  out: string;
  adapter?: string;
  tune: TuneMode;
  dryRun?: true;
}

/**
 * `equipoise experiment PLAN.yaml`: configurations x folds x seeds x settings, made one after the other. Started twice, two
 * processes share the runs.
 */
export function addExperiment(program: Command, session: Session): void {
  program
    .command("experiment")
    .description("make the runs of a plan; call it again to go on where it was stopped, or meanwhile to share the work")
    .argument(
      "<plan>",
      "YAML file: data, configs, and if wanted name, preset, recipe, folds, seeds, set, settings, evaluate",
    )
    .option("--out <folder>", "folder that takes the folder of the experiment", "runs")
    .option("--data <folder>", "folder of images (default: the plan's, relative to the plan)")
    .addOption(presetOption("the plan's"))
    .addOption(recipeOption("the plan's"))
    .option("--folds <numbers>", "folds with commas between, such as 0,1,2 (default: the plan's)", wholeNumbers)
    .option("--seeds <numbers>", "seeds with commas between (default: the plan's)", wholeNumbers)
    .option("--dry-run", "list the runs, what there is of them, and the time they will take where that is known")
    .option("--adapter <name>", "part of the name of a WebGPU adapter")
    .addOption(
      new Option("--tune <mode>", "kernels: as for train").choices(["off", "cached", "full"]).default("cached"),
    )
    .action(async (plan: string, options: ExperimentFlags) => {
      await experiment(session, plan, options);
    });
}

/**
 * Makes the runs of a plan, with a live table in a terminal, and prints what they came to.
 * @throws Interrupted when stopped; UserError for a wrong plan
 */
export async function experiment(session: Session, plan: string, options: ExperimentFlags): Promise<ExperimentResult> {
  const { out, adapter, tune, dryRun, data, preset, recipe, folds, seeds } = options;
  const changes = given({ data, preset, recipe, folds, seeds });
  const live = session.io.stderr.isTTY && !dryRun ? new LiveTable(session.io.stderr) : null;
  if (live) session.progress = live;
  let prefix = "";
  const log = runLog(session);
  const result = await interruptible(
    session,
    (signal) =>
      session.actions.runExperiment({
        plan,
        out,
        ...given({ adapter }),
        changes,
        tune,
        dryRun: dryRun === true,
        signal,
        // What a run says about itself is in its log.txt.
        log: {
          ...log,
          info: () => undefined,
          warn: (text) => log.warn(`${prefix}${text}`),
          progress: (update) => log.progress({ ...update, label: `${prefix}${update.label}` }),
        },
        onChange: (runs, current) => {
          if (current) prefix = `[${runs.indexOf(current) + 1}/${runs.length}] ${current.id}: `;
          if (live) live.show(overview(runs).split("\n"));
          if (current && (!live || current.status === "failed")) session.say(`${prefix}${eventText(current)}`);
        },
      }),
    () => {
      const flags = Object.entries(changes).flatMap(([name, value]) => [`--${name}`, String(value)]);
      return `continue with: ${session.command("experiment", plan, ...flags, "--out", out)}`;
    },
  );
  const failed = result.runs.filter((run) => run.status === "failed");
  if (failed.length > 0) session.code = 1;
  if (result.strangers.length > 0)
    session.say(`not in the plan, left as they are: ${result.strangers.join(", ")} (in ${result.folder})`);
  session.result(result, dryRun ? formatPlan(result) : formatResult(result));
  return result;
}

function eventText({ status, finished, error }: RunState): string {
  if (status === "failed") return `failed: ${error}`;
  if (status === "elsewhere") return "another process is at it";
  if (finished === null) return status;
  return `done in ${duration(finished.seconds)}, balanced accuracy ${percent(finished.student.balancedAccuracy)}`;
}

/** A row per configuration and setting. */
function overview(runs: readonly RunState[]): string {
  const labels = [...new Set(runs.map((run) => run.label))];
  const rows = labels.map((label) => {
    const own = runs.filter((run) => run.label === label);
    const count = (status: string) => own.filter((run) => run.status === status).length;
    const running = own.find((run) => run.status === "running");
    const failed = count("failed");
    const others = count("elsewhere");
    const now = [
      ...(running ? [`fold ${running.config.data.fold}, seed ${running.config.seed}`] : []),
      ...(others > 0 ? [`${others} by another process`] : []),
    ].join("; ");
    const figures = (["balancedAccuracy", "macroF1"] as const).map((key) =>
      spread(own.flatMap((run) => run.finished?.student[key] ?? [])),
    );
    return [label, `${count("done")}/${own.length}`, failed > 0 ? String(failed) : "", ...figures, now];
  });
  const left = timeLeft(runs);
  return `${table([["configuration", "done", "failed", "balanced accuracy", "F1", "running"], ...rows])}${left}`;
}

/** A line on the time that the rest takes, as far as finished runs of the same configurations tell. */
function timeLeft(runs: readonly RunState[]): string {
  const open = runs.filter((run) => run.status !== "done");
  const known = open.flatMap((run) => expectedSeconds(run, runs) ?? []);
  if (known.length === 0) return "";
  const unknown = open.length - known.length;
  const total = duration(known.reduce((a, b) => a + b));
  return `\nabout ${total} of work left${unknown > 0 ? `, and ${unknown} runs of unknown length` : ""}`;
}

function formatResult({ folder, runs }: ExperimentResult): string {
  const lines = failures(runs);
  const count = (status: string) => runs.filter((run) => run.status === status).length;
  const others = count("elsewhere");
  const rest = others > 0 ? `, ${others} in the hands of another process` : "";
  const files = [...(count("done") > 0 ? ["table.md", "runs.csv"] : []), "experiment.json"];
  const done = `${count("done")} of ${runs.length} runs done${rest}: ${folder} (${files.join(", ")})`;
  return [...lines, done].join("\n");
}

/** A line for each reason. */
function failures(runs: ExperimentResult["runs"]): string[] {
  const failed = runs.filter((run) => run.status === "failed");
  const reasons = [...new Set(failed.map(({ error }) => error))];
  return reasons.map((reason) => {
    const [first, ...others] = failed.filter(({ error }) => error === reason).map(({ id }) => id);
    return `failed: ${first}${others.length > 0 ? `, and ${counted(others.length, "other run")} in the same way` : ""}: ${reason}`;
  });
}

function formatPlan({ folder, runs }: ExperimentResult): string {
  const open = runs.filter((run) => run.status !== "done");
  const known = open.flatMap((run) => run.expectedSeconds ?? []);
  const rows = runs.map((run) => [
    run.id,
    run.status,
    run.status === "done"
      ? `took ${duration(run.seconds ?? 0)}`
      : run.expectedSeconds === null
        ? "time unknown"
        : `about ${duration(run.expectedSeconds)}`,
  ]);
  const total = duration(known.reduce((a, b) => a + b, 0));
  const unknown = open.length - known.length;
  const time =
    open.length === 0
      ? "nothing is left to do"
      : `${open.length} to do${known.length > 0 ? `, about ${total}` : ""}${unknown > 0 ? `; time unknown for ${unknown}, of whose configuration none is done` : ""}`;
  return `${table([["run", "status", "time"], ...rows])}\n\n${folder}: ${runs.length} runs, ${time}`;
}

/** Mean and standard deviation (n - 1) in percent. */
function spread(values: readonly number[]): string {
  if (values.length === 0) return "-";
  const centre = values.reduce((a, b) => a + b) / values.length;
  if (values.length === 1) return percent(centre);
  const variance = values.reduce((total, v) => total + (v - centre) ** 2, 0) / (values.length - 1);
  return `${(100 * centre).toFixed(1)} (${(100 * Math.sqrt(variance)).toFixed(1)}) %`;
}
