import type { Tape, Tensor } from "../../engine/index.js";
import type { Network, NetworkOutputs } from "../../models/index.js";
import type { PatchSource } from "../data/source.js";
import type { Patch } from "../data/types.js";

/** Patches of some images, and which of them each view shows: all first views, then all second ones, and so on. */
export interface DrawnViews {
  readonly patches: readonly Patch[];
  readonly shown: readonly number[];
}

/** A network of an objective's own behind the features; it ends with the phase. */
export interface ObjectiveHead {
  readonly network: Network;
  /** Its learning rate stays the phase's, without warm-up and schedule. */
  readonly constantRate: boolean;
}

/** Losses of a step by name; `loss` is the one that is learnt from. */
export type Losses<Name extends string = string> = Readonly<Record<Name, Tensor>> & { readonly loss: Tensor };

/** How a method learns from several views of each image without labels: which views there are, and what is asked of them. */
export interface Objective {
  /** Views of an image. */
  readonly views: number;
  /** Names of the losses, `loss` first. */
  readonly scalars: readonly ["loss", ...string[]];
  readonly heads: Readonly<Record<string, ObjectiveHead>>;
  /** Whether the classifier learns too: its outputs are clusters. */
  readonly clusters: boolean;
  /** Patches of a step: they depend on nothing but seed, stream, step and images. */
  draw(source: PatchSource, images: readonly number[], step: number, stream: string): Promise<DrawnViews>;
  /** @param outputs of the network on all views */
  losses(tape: Tape, outputs: NetworkOutputs): Losses;
  release(): void;
}

/** Two views of each image: of two random crops, or of one. */
export async function drawTwoViews(
  crops: "two" | "one",
  source: PatchSource,
  images: readonly number[],
  step: number,
  stream: string,
): Promise<DrawnViews> {
  const patches = await source.drawBatch(crops === "two" ? [...images, ...images] : images, step, stream);
  const first = images.map((_, i) => i);
  const second = crops === "two" ? first.map((i) => images.length + i) : first;
  return { patches, shown: [...first, ...second] };
}
