import { type Device, Rng, Tape } from "../../engine/index.js";
import { createNetwork, type Network } from "../../models/index.js";
import { Augmenter, drawViews, type ViewParameters } from "../augment.js";
import type { Config } from "../config/schema.js";
import { modelOf } from "../run/limits.js";

/** A step on patches of noise: what a kernel takes does not depend on what they show. */
export interface Step {
  /** The host's part: writes what the GPU's part reads. */
  prepare(): void;
  /** The GPU's part. */
  compute(): void;
  /** Whether `compute` can be captured, as training runs do. */
  readonly capturable: boolean;
  release(): void;
}

/** So small that weights stay finite over any number of steps on noise. */
export const rate = 1e-5;

/** Patches of noise, which of them each view shows, the views, and labels of the first ones. */
export interface NoiseBatch {
  readonly pixels: Uint8Array;
  readonly source: readonly number[];
  readonly views: ViewParameters;
  readonly labels: readonly number[];
}

/** A batch of labelled patches and one of unlabelled ones, each of which is seen twice: cat(l, uw, us). */
export function pseudoLabelBatch(config: Config, classes: number, unlabelled: number): NoiseBatch {
  const { batch, augment } = config;
  const rng = new Rng(config.seed, "profile");
  const first = Array.from({ length: batch }, (_, i) => i);
  const second = Array.from({ length: unlabelled }, (_, i) => batch + i);
  const pixels = noise(config, rng, batch + unlabelled);
  const views = [
    ...drawViews(rng, augment, "labelled", batch),
    ...drawViews(rng, augment, "unlabelled", 2 * unlabelled),
  ];
  return { pixels, source: [...first, ...second, ...second], views, labels: first.map((i) => i % classes) };
}

/** A batch of patches without labels, each seen `views` times. */
export function viewsBatch(config: Config, views: number): NoiseBatch {
  const { batch, augment } = config;
  const rng = new Rng(config.seed, "profile");
  const source = Array.from({ length: views * batch }, (_, i) => i % batch);
  const pixels = noise(config, rng, batch);
  return { pixels, source, views: drawViews(rng, augment, "unlabelled", views * batch), labels: source.map(() => 0) };
}

/** Grey values of patches, one after another. */
export function noise({ patch }: Config, rng: Rng, patches: number): Uint8Array {
  return Uint8Array.from({ length: patches * patch.size ** 2 }, () => 256 * rng.uniform());
}

/** Uploads and augments a batch for each step, as a training run does. */
export function makeFeed(device: Device, { patch, augment }: Config, batch: NoiseBatch) {
  const augmenter = new Augmenter(device, { ...patch, maxViews: batch.source.length, augment });
  const labels = device.zeros([batch.labels.length], "labels", "u32");
  return {
    labels,
    write(): void {
      device.write(labels, batch.labels);
      augmenter.write(batch.pixels, batch.source, batch.views);
    },
    use(compute: (inputs: ReturnType<Augmenter["views"]>) => void): void {
      const tape = Tape.inference(device);
      compute(augmenter.views(tape, batch.views.length));
      tape.dispose();
    },
    release(): void {
      augmenter.dispose();
      device.release(labels);
    },
  };
}

export function makeNetwork(device: Device, config: Config, classes: number, label: string): Network {
  const { seed, initialisation } = config;
  return createNetwork(device, { ...modelOf(config), classes, seed, label, initialisation });
}
