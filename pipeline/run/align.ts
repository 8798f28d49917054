import type { Network } from "../../models/index.js";
import { countClasses } from "../data/sampler.js";
import { alignmentOffsets } from "../imbalance/align.js";
import { classify } from "./classify.js";
import type { PhaseContext } from "./phase.js";
import type { SplitData, Workspace } from "./workspace.js";

/** Images whose mean prediction is aligned: those of U that show one class each. */
export function alignedOn({ dataset, split }: SplitData): number[] {
  return split.U.filter((image) => dataset.images[image]?.part !== "multi-label");
}

/**
 * Aligns a trained network with the class proportions of L: its mean prediction over U, weighted by these proportions, becomes these
 * proportions (see `alignmentOffsets`). The offsets are added to the biases of its last layer, so that whoever loads the weights has them.
 * @param label what the progress says
 * @returns the offsets, one per class of mean 0; null where no unlabelled image is there
 */
export async function alignNetwork(
  ws: Workspace,
  data: SplitData,
  network: Network,
  label: string,
  { log, signal }: PhaseContext,
): Promise<number[] | null> {
  const images = alignedOn(data);
  if (images.length === 0) {
    log.warn("there is no unlabelled image of one class: the predictions are not aligned (align)");
    return null;
  }
  const onProgress = (done: number, total: number) => log.progress({ label, done, total });
  const probabilities = await classify(ws, network, images, { signal, onProgress });
  const { L } = data.split;
  const counts = countClasses(
    L.map((i) => data.labels[i] as number),
    ws.classes.length,
  );
  const offsets = alignmentOffsets(
    probabilities,
    counts.map((count) => count / L.length),
  );
  const bias = network.arena.get(lastBias(network)).value;
  const values = await ws.device.read(bias);
  ws.device.write(
    bias,
    Float32Array.from(values, (value, c) => value + (offsets[c] ?? 0)),
  );
  return offsets;
}

/** Name of the biases that are added to the logits: those of the last classifier that a network declares. */
function lastBias({ arena }: Network): string {
  const last = arena.parameters.findLast(({ name }) => name.startsWith("classifier") && name.endsWith(".bias"));
  if (!last) throw new Error("the network has no classifier with biases");
  return last.name;
}
