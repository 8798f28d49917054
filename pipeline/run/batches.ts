import { Rng } from "../../engine/index.js";
import { drawViews, type ViewParameters } from "../augment.js";
import { drawClassBalanced, permutation } from "../data/sampler.js";
import type { Patch } from "../data/types.js";
import { pixelsOf } from "./classify.js";
import { type EpochPlan, fillUp } from "./epochPlan.js";
import type { PhaseName } from "./types.js";
import type { SplitData, Workspace } from "./workspace.js";

/** One step's patches and what is done to them, ready for the GPU. */
export interface HostBatch {
  readonly pixels: Uint8Array;
  readonly source: readonly number[];
  readonly views: ViewParameters;
  readonly labels: readonly number[];
}

/** Which labelled images a step gets, as positions in `images`: a function of seed, phase and step alone. */
function labelledPicks(
  ws: Workspace,
  labels: readonly number[],
  options: { phase: PhaseName; step: number; stepsPerEpoch: number; balanced: boolean },
): Int32Array {
  const { batch, seed } = ws.config;
  const { phase, step, stepsPerEpoch } = options;
  if (options.balanced) return drawClassBalanced(labels, ws.classes.length, batch, new Rng(seed, `${phase} L ${step}`));
  const epoch = Math.floor(step / stepsPerEpoch);
  const rng = new Rng(seed, `${phase} L epoch ${epoch}`);
  const at = step % stepsPerEpoch;
  return fillUp(permutation(labels.length, rng), stepsPerEpoch * batch, rng).subarray(at * batch, (at + 1) * batch);
}

interface LabelledOptions {
  readonly phase: PhaseName;
  readonly step: number;
  readonly stepsPerEpoch: number;
  readonly balanced: boolean;
}

async function labelledPatches(
  ws: Workspace,
  data: SplitData,
  options: LabelledOptions,
): Promise<{ patches: Patch[]; labels: number[] }> {
  const images = data.split.L;
  const classes = images.map((i) => data.labels[i] as number);
  const picks = [...labelledPicks(ws, classes, options)];
  const patches = await ws.loader.drawBatch(
    picks.map((i) => images[i] as number),
    options.step,
    `${options.phase} L`,
  );
  return { patches, labels: picks.map((i) => classes[i] as number) };
}

/** A labelled batch with one augmented view per patch. */
export async function supervisedBatch(ws: Workspace, data: SplitData, options: LabelledOptions): Promise<HostBatch> {
  const { patches, labels } = await labelledPatches(ws, data, options);
  const rng = new Rng(ws.config.seed, `${options.phase} views ${options.step}`);
  const views = drawViews(rng, ws.config.augment, "labelled", patches.length);
  return { pixels: pixelsOf(patches), source: patches.map((_, i) => i), views, labels };
}

/** What the first view of an unlabelled patch gets: flips alone, or all changes, as the second. */
export type WeakViews = "flips" | "unlabelled";

/** cat(l, uw, us): labelled patches, and the plan's crops of this step in two independently drawn views. */
export async function metaBatch(
  ws: Workspace,
  data: SplitData,
  plan: EpochPlan,
  options: LabelledOptions,
  weak: WeakViews = "unlabelled",
): Promise<HostBatch> {
  const { batch, augment, seed } = ws.config;
  const at = options.step % options.stepsPerEpoch;
  const crops = [...plan.order.subarray(at * batch, (at + 1) * batch)].map(
    (i) => plan.crops[i] as EpochPlan["crops"][number],
  );
  const [labelled, unlabelled] = await Promise.all([labelledPatches(ws, data, options), ws.loader.cropBatch(crops)]);
  const rng = new Rng(seed, `${options.phase} views ${options.step}`);
  const views = (["labelled", weak, "unlabelled"] as const).flatMap((kind) => drawViews(rng, augment, kind, batch));
  const first = Array.from({ length: batch }, (_, i) => i);
  const second = first.map((i) => batch + i);
  return {
    pixels: pixelsOf([...labelled.patches, ...unlabelled]),
    source: [...first, ...second, ...second],
    views,
    labels: labelled.labels,
  };
}
