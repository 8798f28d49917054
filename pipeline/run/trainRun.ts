import { appendFileSync } from "node:fs";
import { platform, release } from "node:os";
import { relative, resolve } from "node:path";
import { type Network, writeSafetensors } from "../../models/index.js";
import { parseConfig } from "../config/resolve.js";
import type { Config } from "../config/schema.js";
import { countClasses } from "../data/sampler.js";
import { chance, type Evaluation, majority } from "../metrics.js";
import { type Checkpoint, readCheckpoint } from "./checkpoint.js";
import { evaluateOn } from "./classify.js";
import { makeRunFolders, type RunPaths, readJson, runPaths, writeAtomic, writeJson } from "./folder.js";
import { writePredictions } from "./predictions.js";
import { Trainer } from "./trainer.js";
import type { ResumeOptions, RunLog, RunResult, TrainOptions } from "./types.js";
import { packageVersion } from "./version.js";
import { openData, type SplitData, Workspace } from "./workspace.js";

/**
 * Trains, tests and writes a run folder that stands alone.
 * @throws UserError for data, configuration or an adapter that do not fit; the signal's reason when aborted
 */
export async function trainRun(options: TrainOptions): Promise<RunResult> {
  const paths = runPaths(resolve(options.out));
  const root = resolve(options.dataRoot);
  const data = await openData(options.config, root, options.log);
  await makeRunFolders(paths);
  writeJson(paths.config, options.config);
  return execute(paths, options.config, data, options, null);
}

/** Continues a run from its last checkpoint, to bitwise the same weights as without the stop (on the same adapter). */
export async function resumeRun(run: string, options: ResumeOptions): Promise<RunResult> {
  const paths = runPaths(resolve(run));
  const config = readRunConfig(paths);
  const environment = readJson(paths.environment, "is this the folder of a run?") as { dataset: { root: string } };
  const checkpoint = readCheckpoint(paths.checkpoint);
  const data = await openData(config, environment.dataset.root, options.log);
  await makeRunFolders(paths);
  if (!checkpoint) options.log.info("there is no checkpoint yet: the run starts from its beginning");
  return execute(paths, config, data, options, checkpoint);
}

export function readRunConfig(paths: RunPaths): Config {
  return parseConfig(readJson(paths.config, "is this the folder of a run?"), paths.config);
}

async function execute(
  paths: RunPaths,
  config: Config,
  data: SplitData,
  options: ResumeOptions,
  checkpoint: Checkpoint | null,
): Promise<RunResult> {
  const log = fileLog(options.log, paths.log);
  const { classes } = data.dataset;
  const ws = await Workspace.open(config, data.dataset.images, classes, { adapter: options.adapter, training: true });
  try {
    writeJson(paths.environment, environmentOf(ws, data));
    log.info(describe(config, data, ws));
    const trainer = new Trainer(ws, data, paths, { ...options, log }, checkpoint);
    await trainer.run();
    const result = await test(ws, data, trainer, log, paths);
    trainer.release();
    return result;
  } finally {
    await ws.close();
  }
}

/** Tests teacher and student once on T and writes what the run leaves behind. */
async function test(
  ws: Workspace,
  data: SplitData,
  trainer: Trainer,
  log: RunLog,
  paths: RunPaths,
): Promise<RunResult> {
  const { config } = ws;
  const { dataset, split, labels } = data;
  const on = (network: Network, label: string) =>
    evaluateOn(ws, network, split.T, labels, {
      patches: config.test.patches,
      onProgress: (done, total) => log.progress({ label, done, total }),
    });
  const student = await on(trainer.student, "testing the student");
  const teacher: Evaluation | null = trainer.teacher
    ? (await on(trainer.teacher, "testing the teacher")).evaluation
    : null;
  const trainLabels = [...split.L, ...split.validation].map((i) => labels[i] as number);
  const truth = split.T.map((i) => labels[i] as number);
  const result: RunResult = {
    classes: dataset.classes,
    chance: chance(dataset.classes),
    majority: majority(trainLabels, truth),
    teacher,
    student: student.evaluation,
    bestEpoch: trainer.bestEpoch,
    finetuned: config.finetune.enabled && config.finetune.epochs > 0,
    seconds: Math.round(trainer.seconds * 10) / 10,
  };
  writeAtomic(
    paths.student,
    writeSafetensors(await trainer.student.stateDict(), {
      model: config.model,
      classes: JSON.stringify(dataset.classes),
    }),
  );
  if (trainer.teacher)
    writeAtomic(
      paths.teacher,
      writeSafetensors(await trainer.teacher.stateDict(), {
        model: config.model,
        classes: JSON.stringify(dataset.classes),
      }),
    );
  const rows = split.T.map((image, i) => ({
    file: imageName(data, image),
    truth: truth[i] as number,
    probabilities: student.probabilities[i] as Float32Array,
  }));
  await writePredictions(paths.predictions, rows, dataset.classes);
  writeJson(paths.result, result);
  return result;
}

/** Path of an image below the data folder, as the report looks it up. */
function imageName({ dataset }: SplitData, image: number): string {
  return relative(dataset.root, dataset.images[image]?.file ?? "").replaceAll("\\", "/");
}

function environmentOf(ws: Workspace, { dataset, split, labels }: SplitData) {
  const count = (images: readonly number[]) =>
    countClasses(
      images.map((i) => labels[i] as number),
      dataset.classes.length,
    );
  const hidden = split.U.map((i) => dataset.images[i]?.label ?? -1);
  return {
    equipoise: packageVersion(),
    node: process.version,
    adapter: ws.device.info,
    os: `${platform()} ${release()}`,
    startedAt: new Date().toISOString(),
    seed: ws.config.seed,
    dataset: {
      root: dataset.root,
      classes: dataset.classes,
      counts: {
        L: count(split.L),
        validation: count(split.validation),
        U:
          split.U.length > 0 && hidden.every((label) => label >= 0)
            ? countClasses(hidden, dataset.classes.length)
            : null,
        T: count(split.T),
      },
      unlabelled: split.U.length,
      multiLabel: split.U.filter((i) => dataset.images[i]?.part === "multi-label").length,
    },
  };
}

function describe(config: Config, { dataset, split }: SplitData, ws: Workspace): string {
  const { L, validation, U, T } = split;
  return (
    `${config.config}, preset ${config.preset}, recipe ${config.recipe}: ${dataset.classes.join(", ")}; ` +
    `${L.length} labelled, ${validation.length} for validation, ${U.length} unlabelled, ${T.length} for the test; on ${ws.device.info.device || ws.device.info.description}`
  );
}

/** The user's log, with lines also going to the run's log.txt. */
function fileLog(log: RunLog, file: string): RunLog {
  const keep = (text: string) => appendFileSync(file, `${new Date().toISOString()} ${text}\n`);
  return {
    info: (text) => {
      keep(text);
      log.info(text);
    },
    warn: (text) => {
      keep(`warning: ${text}`);
      log.warn(text);
    },
    progress: (update) => log.progress(update),
    confirm: (question) => log.confirm(question),
  };
}
