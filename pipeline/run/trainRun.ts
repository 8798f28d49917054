import { appendFileSync, existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { type Network, writeSafetensors } from "../../models/index.js";
import { parseConfig } from "../config/resolve.js";
import type { Config } from "../config/schema.js";
import { methods, phasesOf } from "../methods.js";
import { chance, type Evaluation, majority } from "../metrics.js";
import { readChoices, writeChoices } from "../tuning/store.js";
import { prepareChoices } from "../tuning/tuneRun.js";
import { weightsMetadata } from "../weights.js";
import { type Checkpoint, readCheckpoint } from "./checkpoint.js";
import { evaluateOn } from "./classify.js";
import { adapterName, checkSameImages, environmentOf, readEnvironment } from "./environment.js";
import { makeRunFolders, noRun, type RunPaths, readJson, runPaths, writeAtomic, writeJson } from "./folder.js";
import { withRunLock } from "./lock.js";
import type { PhaseContext } from "./phase.js";
import { writePredictions } from "./predictions.js";
import { Trainer } from "./trainer.js";
import type { ResumeOptions, RunLog, RunResult, TrainOptions } from "./types.js";
import { openData, type SplitData, Workspace } from "./workspace.js";

/**
 * Trains, tests and writes a run folder that stands alone. Nothing is written before data, configuration and adapter fit.
 * @throws UserError for data, configuration or an adapter that do not fit; LockedError while another process trains into the
 * same folder; the signal's reason when aborted
 */
export async function trainRun(options: TrainOptions): Promise<RunResult> {
  const paths = runPaths(resolve(options.out));
  return withRunLock(paths.root, () => train(paths, options));
}

async function train(paths: RunPaths, options: TrainOptions): Promise<RunResult> {
  const { log, adapter, signal } = options;
  const config = standAlone(options.config);
  const data = await openData(config, resolve(options.dataRoot), log);
  return withWorkspace(config, data, adapter, async (ws) => {
    await checkImages(ws, data, { log, signal });
    await prepareChoices(ws.device, options.tune ?? "cached", config, ws.classes.length, { log, signal });
    await makeRunFolders(paths);
    writeChoices(paths.tuning, ws.device.choices);
    writeJson(paths.environment, environmentOf(ws, data));
    writeJson(paths.config, config);
    return execute(ws, data, paths, options, null);
  });
}

/**
 * Continues a run from its last checkpoint, to bitwise the same weights as without the stop (on the same adapter). A
 * finished run is left as it is.
 * @throws LockedError while another process works on the run; otherwise as {@link trainRun}
 */
export async function resumeRun(run: string, options: ResumeOptions): Promise<RunResult> {
  const paths = runPaths(resolve(run));
  const config = readRunConfig(paths);
  return withRunLock(paths.root, () => goOn(config, paths, options));
}

async function goOn(config: Config, paths: RunPaths, options: ResumeOptions): Promise<RunResult> {
  const environment = readEnvironment(paths);
  if (existsSync(paths.result)) {
    options.log.info(`${paths.root}: this run has finished, there is nothing to continue`);
    return readJson(paths.result, "remove it, and resume the run to test it again") as RunResult;
  }
  const checkpoint = readCheckpoint(paths.checkpoint);
  const data = await openData(config, environment.dataset.root, options.log);
  checkSameImages(data, environment, "start a new run");
  return withWorkspace(config, data, options.adapter, async (ws) => {
    await makeRunFolders(paths);
    ws.device.choices.set(readChoices(paths.tuning));
    if (!checkpoint) options.log.info("there is no checkpoint yet: the run starts from its beginning");
    const [before, now] = [adapterName(environment.adapter), adapterName(ws.device.info)];
    if (before !== now)
      options.log.warn(
        `the run began on ${before} and goes on on ${now}: its weights will differ in their last digits`,
      );
    return execute(ws, data, paths, options, checkpoint);
  });
}

/** The configuration with absolute paths, so that a run is resumed from wherever. */
function standAlone(config: Config): Config {
  const { labels } = config.data;
  return labels === null ? config : { ...config, data: { ...config.data, labels: resolve(labels) } };
}

export function readRunConfig(paths: RunPaths): Config {
  return parseConfig(readJson(paths.config, noRun), paths.config);
}

async function withWorkspace<T>(
  config: Config,
  { dataset }: SplitData,
  adapter: string | undefined,
  work: (ws: Workspace) => Promise<T>,
): Promise<T> {
  const ws = await Workspace.open(config, dataset.images, dataset.classes, { adapter, training: true });
  try {
    return await work(ws);
  } finally {
    await ws.close();
  }
}

/** Decodes every image and mask that the run will use, so that a damaged one is found before the training, not after hours of it. */
async function checkImages(ws: Workspace, { split }: SplitData, { log, signal }: PhaseContext): Promise<void> {
  const unlabelled = methods[ws.config.method].unlabelled ? split.U : [];
  const images = [...split.L, ...split.validation, ...unlabelled, ...split.T];
  const atOnce = 64;
  for (let i = 0; i < images.length; i += atOnce) {
    signal.throwIfAborted();
    await ws.loader.centralBatch(images.slice(i, i + atOnce));
    log.progress({ label: "checking the images", done: Math.min(images.length, i + atOnce), total: images.length });
  }
}

async function execute(
  ws: Workspace,
  data: SplitData,
  paths: RunPaths,
  options: ResumeOptions,
  checkpoint: Checkpoint | null,
): Promise<RunResult> {
  const log = fileLog(options.log, paths.log);
  log.info(describe(ws, data));
  const trainer = new Trainer(ws, data, paths, { ...options, log }, checkpoint);
  try {
    await trainer.run();
    return await test(ws, data, trainer, { ...options, log }, paths);
  } finally {
    trainer.release();
  }
}

/** Tests teacher and student once on T and writes what the run leaves behind. */
async function test(
  ws: Workspace,
  data: SplitData,
  trainer: Trainer,
  { log, signal }: PhaseContext,
  paths: RunPaths,
): Promise<RunResult> {
  const { config } = ws;
  const { dataset, split, labels } = data;
  const on = (network: Network, label: string) =>
    evaluateOn(ws, network, split.T, labels, {
      patches: config.test.patches,
      signal,
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
    finetuned: phasesOf(config).includes("finetune"),
    seconds: Math.round(trainer.seconds * 10) / 10,
  };
  const metadata = ({ n, balancedAccuracy }: Evaluation) =>
    weightsMetadata(config, dataset.classes, { images: n, balancedAccuracy });
  writeAtomic(paths.student, writeSafetensors(await trainer.student.stateDict(), metadata(result.student)));
  if (trainer.teacher && teacher)
    writeAtomic(paths.teacher, writeSafetensors(await trainer.teacher.stateDict(), metadata(teacher)));
  const rows = split.T.map((image, i) => ({
    file: imageName(data, image),
    truth: truth[i] as number,
    probabilities: student.probabilities[i] as Float32Array,
  }));
  await writePredictions(paths.predictions, rows, dataset.classes);
  writeChoices(paths.tuning, ws.device.choices);
  writeJson(paths.result, result);
  return result;
}

/** Path of an image below the data folder, as the report looks it up. */
function imageName({ dataset }: SplitData, image: number): string {
  return relative(dataset.root, dataset.images[image]?.file ?? "").replaceAll("\\", "/");
}

function describe({ config, device }: Workspace, { dataset, split }: SplitData): string {
  const { L, validation, U, T } = split;
  return (
    `${config.config}, preset ${config.preset}, recipe ${config.recipe}: ${dataset.classes.join(", ")}; ` +
    `${L.length} labelled, ${validation.length} for validation, ${U.length} unlabelled, ${T.length} for the test; on ${adapterName(device.info)}`
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
