import { UserError } from "../../engine/errors.js";
import { type Config, isMultiScale, type ModelName } from "./schema.js";

/** The legal patch side nearest to `size`, px. Multi-scale networks: the big scale. Source: the networks' pooling. */
export function nearestLegalSize(model: ModelName, size: number): number {
  if (isMultiScale(model)) return 2 * Math.min(127, Math.max(64, Math.round(size / 2)));
  return Math.max(64, 64 * Math.round(size / 64));
}

/**
 * Checks the options that depend on each other.
 * @throws UserError naming the options, their values and the nearest legal one
 */
export function checkTogether(config: Config): void {
  checkPatch(config);
  checkWidth(config.width);
  checkSplit(config.data);
  const [low, high] = config.augment.blurSigma;
  if (low > high)
    throw new UserError(`"augment.blurSigma" must go from small to large, not [${low}, ${high}]; swap them`);
  for (const phase of ["pretrain", "train", "finetune"] as const) {
    const { nesterov, momentum } = config[phase].optimizer;
    if (nesterov && momentum === 0) {
      throw new UserError(
        `"${phase}.optimizer.nesterov" needs momentum above 0; set "${phase}.optimizer.momentum", such as 0.9`,
      );
    }
  }
}

function checkPatch({ model, patch: { size, smallSize } }: Config): void {
  const legal = nearestLegalSize(model, size);
  const multi = isMultiScale(model);
  if (legal !== size) {
    const rule = multi
      ? "an even patch.size from 128 to 254 (two scales, the small one half of it)"
      : "a patch.size that is a multiple of 64";
    throw new UserError(`"patch.size": ${model} takes ${rule}, not ${size}; the nearest is ${legal}`);
  }
  if (multi && smallSize !== size / 2) {
    throw new UserError(
      `"patch.smallSize" is half of patch.size ${size}: ${size / 2}, not ${smallSize}; leave it out to follow patch.size`,
    );
  }
  if (!multi && smallSize !== null) {
    throw new UserError(
      `"patch.smallSize": ${model} has one scale; leave it out (it is ${smallSize}), or set "model" to ms-vgg19`,
    );
  }
}

function checkWidth(width: number): void {
  const channels = 64 * width;
  if (Number.isInteger(channels)) return;
  const nearest = Math.max(1, Math.round(channels)) / 64;
  throw new UserError(
    `"width": 64 x ${width} is ${channels} channels, not a whole number; the nearest width is ${nearest}`,
  );
}

function checkSplit(data: Config["data"]): void {
  if (data.fold >= data.folds) {
    throw new UserError(
      `"data.fold" is ${data.fold}, but there are ${data.folds} folds: choose 0 to ${data.folds - 1}`,
    );
  }
  const most = 1 - 1 / data.folds;
  if (data.split !== "labelled" && data.labelledFraction > most + 1e-9) {
    const advice = `at most ${most.toFixed(3)} remains beside the test part (1/${data.folds})`;
    throw new UserError(`"data.labelledFraction" is ${data.labelledFraction}, but ${advice}`);
  }
}
