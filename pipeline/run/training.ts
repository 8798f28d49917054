import { writeSafetensors } from "../../models/index.js";
import { methods, phasesOf } from "../methods.js";
import { chance, type Evaluation, majority } from "../metrics.js";
import { weightsMetadata } from "../weights.js";
import { alignNetwork } from "./align.js";
import type { Checkpoint } from "./checkpoint.js";
import { adapterName } from "./dataFacts.js";
import { tellNotes } from "./notes.js";
import type { PhaseContext } from "./phase.js";
import { predictionsCsv } from "./predictionsCsv.js";
import { type RunStore, runFiles, writeJsonTo } from "./store.js";
import { testNetworks } from "./testNetworks.js";
import { Trainer, type TrainerOptions } from "./trainer.js";
import type { Alignment, RunLog, RunResult } from "./types.js";
import type { SplitData, Workspace } from "./workspace.js";

/** Decodes every image and mask that the run will use, so that a damaged one is found before the training, not after hours of it. */
export async function checkImages(ws: Workspace, { split }: SplitData, { log, signal }: PhaseContext): Promise<void> {
  const unlabelled = methods[ws.config.method].unlabelled || ws.config.align ? split.U : [];
  const images = [...split.L, ...split.validation, ...unlabelled, ...split.T];
  const atOnce = 64;
  for (let i = 0; i < images.length; i += atOnce) {
    signal.throwIfAborted();
    await ws.loader.centralBatch(images.slice(i, i + atOnce));
    log.progress({ label: "checking the images", done: Math.min(images.length, i + atOnce), total: images.length });
  }
  tellNotes(ws.loader.takeNotes(), log);
}

/** Trains, or goes on from a checkpoint, and tests; what the run leaves behind goes to its store. */
export async function runTraining(
  ws: Workspace,
  data: SplitData,
  store: RunStore,
  options: TrainerOptions,
  checkpoint: Checkpoint | null,
): Promise<RunResult> {
  const lines = store.lines(runFiles.log, null);
  const log = keptLog(options.log, (text) => lines.append(`${new Date().toISOString()} ${text}`));
  const trainer = new Trainer(ws, data, store, { ...options, log }, checkpoint);
  try {
    log.info(describe(ws, data));
    await trainer.run();
    const alignment = ws.config.align ? await align(ws, data, trainer, { ...options, log }) : null;
    return await test(ws, data, trainer, { ...options, log }, store, alignment);
  } finally {
    trainer.release();
    lines.close();
  }
}

/** Aligns student and teacher with the class proportions of L. */
async function align(ws: Workspace, data: SplitData, trainer: Trainer, context: PhaseContext): Promise<Alignment> {
  const student = await alignNetwork(ws, data, trainer.student, "aligning the student", context);
  const teacher = trainer.teacher && (await alignNetwork(ws, data, trainer.teacher, "aligning the teacher", context));
  return { student, teacher };
}

/** Tests the networks once on T and writes what the run leaves behind. */
async function test(
  ws: Workspace,
  data: SplitData,
  trainer: Trainer,
  { log, signal }: PhaseContext,
  store: RunStore,
  alignment: Alignment | null,
): Promise<RunResult> {
  const { config } = ws;
  const { dataset, split, labels } = data;
  const { patches } = config.test;
  const { probabilities, ...tested } = await testNetworks(ws, trainer, data, { patches, signal, log });
  const trainLabels = [...split.L, ...split.validation].map((i) => labels[i] as number);
  const truth = split.T.map((i) => labels[i] as number);
  const result: RunResult = {
    classes: dataset.classes,
    chance: chance(dataset.classes),
    majority: majority(trainLabels, truth),
    ...tested,
    ...(alignment && { alignment }),
    bestEpoch: trainer.bestEpoch,
    finetuned: phasesOf(config).includes("finetune"),
    seconds: Math.round(trainer.seconds * 10) / 10,
  };
  const metadata = ({ n, balancedAccuracy }: Evaluation) =>
    weightsMetadata(config, dataset.classes, { images: n, balancedAccuracy });
  await store.write(runFiles.student, writeSafetensors(await trainer.student.stateDict(), metadata(result.student)));
  if (trainer.teacher && result.teacher)
    await store.write(runFiles.teacher, writeSafetensors(await trainer.teacher.stateDict(), metadata(result.teacher)));
  const rows = split.T.map((image, i) => ({
    file: imageName(data, image),
    truth: truth[i] as number,
    probabilities: probabilities[i] as Float32Array,
  }));
  await store.write(runFiles.predictions, predictionsCsv(rows, dataset.classes));
  await writeJsonTo(store, runFiles.tuning, ws.device.choices.record());
  await writeJsonTo(store, runFiles.result, result);
  return result;
}

/** Path of an image below the data folder, as the report looks it up. */
function imageName({ dataset: { root, images } }: SplitData, image: number): string {
  const file = images[image]?.file ?? "";
  const below = file.startsWith(root) ? file.slice(root.length) : file;
  return below.replaceAll("\\", "/").replace(/^\//, "");
}

function describe({ config, device }: Workspace, { dataset, split }: SplitData): string {
  const { L, validation, U, T } = split;
  return (
    `${config.config}, preset ${config.preset}, recipe ${config.recipe}: ${dataset.classes.join(", ")}; ` +
    `${L.length} labelled, ${validation.length} for validation, ${U.length} unlabelled, ${T.length} for the test; on ${adapterName(device.info)}`
  );
}

/** The user's log, with lines also going to `keep`. */
function keptLog(log: RunLog, keep: (text: string) => void): RunLog {
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
