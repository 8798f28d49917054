import type { Device } from "../../../../engine/index.js";
import { argmax, entropyBits } from "../../../../pipeline/metrics.js";
import { classify } from "../../../../pipeline/run/classify.js";
import { readWeights } from "../../../../pipeline/weights.js";
import type { TrainImage } from "./images.js";
import { pageWorkspace } from "./training.js";

/** What a network says of an image. */
export interface Uncertainty {
  /** The class that it takes the image for. */
  readonly label: string;
  /** Bits: 0 is certain. */
  readonly entropy: number;
}

/**
 * Classifies images by their central patch.
 * @param weights a safetensors file of a run
 * @throws UserError for a file that is no network's
 */
export async function rankUncertain(
  device: Device,
  weights: Uint8Array,
  images: readonly TrainImage[],
): Promise<Uncertainty[]> {
  const { tensors, config, classes } = readWeights(weights, "the network");
  const ws = pageWorkspace(device, config, classes, images, false);
  const network = ws.network("student");
  try {
    network.loadStateDict(tensors, "the network");
    const rows = await classify(
      ws,
      network,
      images.map((_, i) => i),
    );
    return rows.map((row) => ({ label: classes[argmax(row)] as string, entropy: entropyBits(row) }));
  } finally {
    network.release();
    await ws.release();
  }
}
