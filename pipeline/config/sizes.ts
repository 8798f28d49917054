import { UserError } from "../../engine/errors.js";
import { isHrnet, isMultiScale, nearestLegalSize, sizeRule } from "../../models/catalogue.js";
import { methods, type PhaseName } from "../methods.js";
import type { Config } from "./schema.js";

/**
 * Checks the options that depend on each other.
 * @throws UserError naming the options, their values and the nearest legal one
 */
export function checkTogether(config: Config): void {
  checkPatch(config);
  checkWidth(config.width);
  checkFeatures(config);
  checkSplit(config.data);
  checkImbalance(config);
  if (config.method === "contrastive-clustering" && config.batch < 2)
    throw new UserError(
      `"batch" is ${config.batch}: clusters are compared over the images of a batch; set it to 2 or more`,
    );
  const [low, high] = config.augment.blurSigma;
  if (low > high)
    throw new UserError(`"augment.blurSigma" must go from small to large, not [${low}, ${high}]; swap them`);
  for (const phase of ["contrastive", "pretrain", "train", "finetune"] as const) {
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
    throw new UserError(`"patch.size": ${model} takes ${sizeRule(model)}, not ${size}; the nearest is ${legal}`);
  }
  if (multi && smallSize !== size / 2) {
    throw new UserError(
      `"patch.smallSize" is half of patch.size ${size}: ${size / 2}, not ${smallSize}; leave it out to follow patch.size`,
    );
  }
  if (!multi && smallSize !== null) {
    throw new UserError(
      `"patch.smallSize": ${model} has one scale; leave it out (it is ${smallSize}), or set "model" to ms-${model}`,
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

function checkFeatures({ model, featureSize }: Config): void {
  if (isHrnet(model) || featureSize === 128) return;
  throw new UserError(
    `"featureSize": ${model} has no choice of features, ${featureSize} is for HRNet; leave it out, or choose an HRNet`,
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

/** Strategies that a method has no use for are refused, so that nobody compares what is the same. */
function checkImbalance({ method, imbalance, data }: Config): void {
  const { phases } = methods[method];
  const has = (phase: PhaseName) => (phases as readonly PhaseName[]).includes(phase);
  const refuse = (option: string, value: string, off: string) => {
    throw new UserError(
      `"${option}" is ${value}, but method ${method} has no pseudo-labels: leave it ${off}, or choose fixmatch or meta-pseudo-labels`,
    );
  };
  if (!has("train")) {
    if (imbalance.labels !== "plain") refuse("imbalance.labels", imbalance.labels, "plain");
    if (data.unlabelledFrom !== "U") refuse("data.unlabelledFrom", data.unlabelledFrom, "U");
  }
  if (imbalance.abc && !has("pretrain"))
    throw new UserError(`"imbalance.abc" is true, but method ${method} learns from no labels: set it to false`);
}
