import { ShapeError, UserError } from "../engine/errors.js";
import { withBalancedHead } from "./balancedHead.js";
import { smallV1, w18 } from "./hrnet/description.js";
import { hrnet, msHrnet } from "./hrnet/hrnet.js";
import type { Architecture } from "./network.js";
import { summarize } from "./summary.js";
import { msVgg19, vgg19, vggCompact } from "./vgg.js";

/** The networks there are; `ms-` ones take a patch and its central crop. */
export const modelNames = [
  "vgg-compact",
  "vgg19",
  "ms-vgg19",
  "hrnet-small-v1",
  "hrnet-w18",
  "ms-hrnet-small-v1",
  "ms-hrnet-w18",
] as const;
export type ModelName = (typeof modelNames)[number];

/** Lengths that the feature vector of an HRNet may have: the authors' configuration, and the article's text. */
export const featureSizes = [128, 512] as const;

export interface ArchitectureOptions {
  readonly model: string;
  /** Factor on the convolutions' channels; 1 is the authors' network. */
  readonly width: number;
  /** Side of the square input (multi-scale: of the big scale), px. */
  readonly input: number;
  /** HRNet only: 128 (default) or 512. */
  readonly featureSize?: number | undefined;
  /** A second, linear classifier on the features (see `withBalancedHead`); default none. */
  readonly balancedHead?: boolean | undefined;
}

/** @throws UserError naming the models there are */
export function modelName(name: string): ModelName {
  const found = modelNames.find((known) => known === name);
  if (!found) throw new UserError(`model "${name}" is not known: choose one of ${modelNames.join(", ")}`);
  return found;
}

/** True for networks with two inputs: the patch and its central crop. */
export function isMultiScale(model: ModelName): boolean {
  return model.startsWith("ms-");
}

/** True for all networks of the HRNet family, of one scale or two. */
export function isHrnet(model: ModelName): boolean {
  return model.includes("hrnet");
}

/** The legal patch side nearest to `size`, px; multi-scale networks: of the big scale. Source: the networks' halvings. */
export function nearestLegalSize(model: ModelName, size: number): number {
  if (model === "ms-vgg19") return 2 * Math.min(127, Math.max(64, Math.round(size / 2)));
  const step = sizeStep(model);
  return Math.max(step, step * Math.round(size / step));
}

/** The rule behind {@link nearestLegalSize}, in words. */
export function sizeRule(model: ModelName): string {
  if (model === "ms-vgg19") return "an even size from 128 to 254 (two scales, the small one half of it)";
  return `a size that is a multiple of ${sizeStep(model)}`;
}

/** What the networks' halvings divide the side of a patch by, px. */
function sizeStep(model: ModelName): number {
  if (model === "vgg-compact") return 16;
  return isHrnet(model) ? 32 : 64;
}

/**
 * The layers of a network by name.
 * @throws UserError naming the models there are, or the nearest size that the model takes
 */
export function architecture(options: ArchitectureOptions): Architecture {
  const base = plainArchitecture(options);
  if (!options.balancedHead) return base;
  return withBalancedHead(base, summarize(base, inputShapes(options, 1), 2).features);
}

/** Shapes of a batch of patches, one per scale: [N,S,S,1]. */
export function inputShapes({ model, input }: ArchitectureOptions, batch: number): number[][] {
  const sides = isMultiScale(modelName(model)) ? [input, input / 2] : [input];
  return sides.map((side) => [batch, side, side, 1]);
}

function plainArchitecture({ model, width, input, featureSize = 128 }: ArchitectureOptions): Architecture {
  const name = modelName(model);
  const nearest = nearestLegalSize(name, input);
  if (nearest !== input)
    throw new UserError(`${name} takes ${sizeRule(name)}, not ${input}; the nearest is ${nearest}`);
  if (!isHrnet(name) && featureSize !== 128)
    throw new ShapeError(`${name}: featureSize is ${featureSize}; only HRNet has a choice`);
  switch (name) {
    case "vgg-compact":
      return vggCompact(width, input);
    case "vgg19":
      return vgg19(width, input);
    case "ms-vgg19":
      return msVgg19(width);
    case "hrnet-small-v1":
      return hrnet(name, smallV1, { width, featureSize });
    case "hrnet-w18":
      return hrnet(name, w18, { width, featureSize });
    case "ms-hrnet-small-v1":
      return msHrnet(name, smallV1, { width, featureSize });
    case "ms-hrnet-w18":
      return msHrnet(name, w18, { width, featureSize });
  }
}
