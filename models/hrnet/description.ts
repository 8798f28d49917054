import { ShapeError } from "../../engine/errors.js";

/** Stages 2 to 4: modules in a row, each with `blocks` BasicBlocks per branch; one branch per entry of `channels`. */
export interface StageDescription {
  readonly modules: number;
  readonly blocks: number;
  /** Channels of the branches, finest first. */
  readonly channels: readonly number[];
}

/** One HRNet, as in the YAML files of its authors. */
export interface HrnetDescription {
  /** Channels of the two convolutions before the first stage. */
  readonly stem: number;
  /** STAGE1: Bottlenecks and their inner channels (they put out four times as many). */
  readonly stage1: { readonly blocks: number; readonly channels: number };
  readonly stages: readonly StageDescription[];
  /** Bottlenecks of the head, per branch: inner channels. */
  readonly head: readonly number[];
  /** The first two of the three 1x1 convolutions behind the head; the third puts out the features. */
  readonly final: { readonly single: readonly number[]; readonly multi: readonly number[] };
  /** Bottlenecks of the small stream's own first stage: in the authors' state dict, but never used. */
  readonly unusedBlocks: number;
}

const common = {
  stem: 64,
  head: [32, 64, 128, 256],
  final: { single: [2048, 512], multi: [512, 256] },
};

/** cls_hrnet_w18_small_v1 of the HRNet authors. */
export const smallV1: HrnetDescription = {
  ...common,
  stage1: { blocks: 1, channels: 32 },
  stages: [
    { modules: 1, blocks: 2, channels: [16, 32] },
    { modules: 1, blocks: 2, channels: [16, 32, 64] },
    { modules: 1, blocks: 2, channels: [16, 32, 64, 128] },
  ],
  unusedBlocks: 1,
};

/** cls_hrnet_w18 of the HRNet authors. */
export const w18: HrnetDescription = {
  ...common,
  stage1: { blocks: 4, channels: 64 },
  stages: [
    { modules: 1, blocks: 4, channels: [18, 36] },
    { modules: 4, blocks: 4, channels: [18, 36, 72] },
    { modules: 3, blocks: 4, channels: [18, 36, 72, 144] },
  ],
  unusedBlocks: 3,
};

/** The small scale's stages: the coarsest branch is left out. */
export function withoutCoarsest(stages: readonly StageDescription[]): StageDescription[] {
  return stages.map((stage) => ({ ...stage, channels: stage.channels.slice(0, -1) }));
}

/**
 * The same network with all channels times `width` (the features stay). A product that is no whole number, or below 4, becomes
 * the nearest multiple of 4: the engine stores channels in fours.
 */
export function scaled(network: HrnetDescription, width: number): HrnetDescription {
  if (!(width > 0)) throw new ShapeError(`hrnet: width is ${width}, it must be above 0`);
  const scale = (channels: number): number => {
    const exact = channels * width;
    return Number.isInteger(exact) && exact >= 4 ? exact : Math.max(4, 4 * Math.round(exact / 4));
  };
  return {
    ...network,
    stem: scale(network.stem),
    stage1: { ...network.stage1, channels: scale(network.stage1.channels) },
    stages: network.stages.map((stage) => ({ ...stage, channels: stage.channels.map(scale) })),
    head: network.head.map(scale),
    final: { single: network.final.single.map(scale), multi: network.final.multi.map(scale) },
  };
}
